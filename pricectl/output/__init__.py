"""Values -> rows -> text: table, json, jsonl, csv, chart.

Nothing here imports anything heavy, so the front door may use all of it. What goes to stdout is data and comes
from ``rows``; text from outside passes ``text.safe`` before a terminal or a spreadsheet sees it.
"""
