"""What an export of a whole store and an import cost, as processes: seconds, and the most memory. Printed, not judged.

    python tests/bench/bench_transfer.py [assets] [years]

1000 assets of ten years, 2.5 M bars, on two cores that others used too: CSV 19 s in 210 MB, Parquet 21 s in 320 MB.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

from bench_store import fill

from pricectl.home import Home


def timed(what: str, *words: str) -> None:
    """Run one command and print what it took; the memory is that of the largest process so far."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pricectl", *words, "-q"], check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{what:40} {took:6.1f} s   at most {most} MB so far", flush=True)


def main() -> None:
    assets, years = (int(word) for word in (sys.argv[1:] + ["1000", "10"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        home, other = os.path.join(folder, "home"), os.path.join(folder, "other")
        os.makedirs(os.path.join(home, "state"))
        fill(Home(home), assets, years)
        csv, some = os.path.join(folder, "bars.csv"), os.path.join(folder, "some.csv")
        timed("export CSV", "--home", home, "export", "--all", "--adjust", "none", "--into", csv)
        with open(csv, encoding="utf-8") as source, open(some, "w", encoding="utf-8") as target:
            target.writelines(line for _, line in zip(range(250_001), source, strict=False))
        timed("import 250,000 bars of CSV", "--home", other, "import", some)
        timed("export Parquet", "--home", home, "export", "--all", "--into", os.path.join(folder, "bars.parquet"))
        year = os.path.join(folder, "bars")
        timed("export by year", "--home", home, "export", "--all", "--into", year, "--partition-by", "year")


if __name__ == "__main__":
    main()
