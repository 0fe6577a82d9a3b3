"""The shipped list with the user's own over it."""

from pathlib import Path

import pytest

from pricectl.catalogue import Catalogue, described, own
from pricectl.catalogue.shipped import Shipped
from pricectl.config import Settings, load
from pricectl.errors import NotFound, Unwritable, UsageError
from pricectl.home import Home
from pricectl.model.asset import Asset

SHIPPED = """\
symbol,name,type,category,code,provider,provider_id,currency,exchange,fallbacks
AAPL,Apple,stock,Information Technology,AAPL,yahoo,AAPL,USD,NMS,
BRK.B,Berkshire Hathaway (Class B),stock,Financials,BRK-B,yahoo,BRK-B,USD,NYQ,
BTC,Bitcoin,crypto,Layer 1,BTC,binance,BTCUSDT,USDT,BINANCE,
ETH,Ether,crypto,Layer 1,ETH,binance,ETHUSDT,USDT,BINANCE,
USDJPY,USD/JPY,fx,Major,USDJPY,yahoo,JPY=X,JPY,CCY,
"""
HEADER = "symbol,name,type,category,code,provider,provider_id,currency,exchange,fallbacks,active,followed\n"
APPLE = Asset("AAPL", "Apple", "stock", "Information Technology", "AAPL", "yahoo", "AAPL", "USD", "NMS")
JOBY = Asset("JOBY", "Joby Aviation", "stock", "Industrials", "JOBY", "yahoo", "JOBY", "USD", "NYQ")


def settings(home: Path, **env: str) -> Settings:
    return load(Home(str(home)), env)


def catalogue(home: Path, rows: str = "", shipped: str = SHIPPED) -> Catalogue:
    if rows:
        (home / "assets.csv").write_text(HEADER + rows)
    return Catalogue(settings(home), Shipped(shipped), own.load(Home(str(home))))


def written(home: Path) -> str:
    return (home / "assets.csv").read_text().removeprefix(HEADER)


def symbols(assets: list[Asset]) -> list[str]:
    return [asset.symbol for asset in assets]


def test_the_installed_catalogue_is_found(tmp_path: Path) -> None:
    found = Catalogue.load(settings(tmp_path))
    assert found.find("btc").provider_id == "BTCUSDT"
    assert len(found.all()) >= 2900
    assert found.followed() == []


def test_a_symbol_is_found_in_any_case(tmp_path: Path) -> None:
    assert catalogue(tmp_path).find("aapl") == APPLE


def test_a_qualified_symbol_is_the_asset_with_those_prices(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    assert found.find("yahoo:aapl") == APPLE
    assert found.find("yahoo:BRK-B").symbol == "BRK.B"
    assert found.find("YAHOO:JPY=X").symbol == "USDJPY"
    assert found.find("binance:BTCUSDT").symbol == "BTC"


def test_any_other_qualified_symbol_stands_for_itself(tmp_path: Path) -> None:
    asset = catalogue(tmp_path).find("Yahoo:joby")
    assert (asset.symbol, asset.series, asset.exchange) == ("yahoo:JOBY", ("yahoo", "JOBY"), "")
    assert catalogue(tmp_path).find("yahoo:BTC").symbol == "yahoo:BTC"


def test_a_symbol_that_the_user_gave_another_series_no_longer_stands_for_the_shipped_one(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    found.add(described({"symbol": "AAPL", "provider_id": "APC.DE"}, APPLE), replace=True)
    assert found.find("yahoo:APC.DE").symbol == "AAPL"
    assert found.find("yahoo:AAPL").symbol == "yahoo:AAPL"
    found.remove(["AAPL"])
    assert found.find("yahoo:AAPL").symbol == "AAPL"


def test_an_unknown_symbol_comes_with_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="unknown symbol BRK-B") as caught:
        catalogue(tmp_path).find("brk-b")
    assert caught.value.hint == "did you mean BRK.B?"
    with pytest.raises(NotFound) as caught:
        catalogue(tmp_path).find("ZZZZZZ")
    assert caught.value.hint == "`pricectl assets search TEXT`, or yahoo:SYMBOL"


def test_what_cannot_be_a_symbol_comes_with_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'BTC/USDT' is not a symbol") as caught:
        catalogue(tmp_path).find("BTC/USDT")
    assert caught.value.hint == "did you mean BTC?"
    with pytest.raises(UsageError) as caught:
        catalogue(tmp_path).find("../btc")
    assert caught.value.hint == "letters, digits and . - = ^ & _ only"
    with pytest.raises(UsageError):
        catalogue(tmp_path).find("X" * 10_000)


def test_a_blank_cell_means_the_shipped_value(tmp_path: Path) -> None:
    found = catalogue(tmp_path, "AAPL,Apple Computer,,,,,,,,,,yes\nBTC,,,,,,,,,,,yes\n")
    assert found.find("AAPL") == APPLE._replace(name="Apple Computer", followed=True, own=True)
    assert found.find("BTC")[1:9] == ("Bitcoin", "crypto", "Layer 1", "BTC", "binance", "BTCUSDT", "USDT", "BINANCE")
    assert found.find("BTC").own is False


def test_a_correction_that_comes_with_an_upgrade_reaches_the_user(tmp_path: Path) -> None:
    catalogue(tmp_path).follow(["ETH"])
    newer = catalogue(tmp_path, shipped=SHIPPED.replace("Ether,", "Ethereum,"))
    assert newer.find("ETH").name == "Ethereum"
    assert newer.find("ETH").followed


def test_a_list_that_speaks_of_what_is_no_longer_shipped_still_works(tmp_path: Path) -> None:
    catalogue(tmp_path).follow(["ETH", "BTC"])
    fewer = catalogue(tmp_path, shipped=SHIPPED.replace("ETH,", "EETH,", 1))
    assert fewer.orphans == ["ETH"]
    assert symbols(fewer.followed()) == ["BTC"]
    with pytest.raises(NotFound):
        fewer.find("ETH")
    assert fewer.remove(["ETH"])
    assert (fewer.orphans, written(tmp_path)) == ([], "BTC,,,,,,,,,,,yes\n")


def test_all_by_type_and_by_activity(tmp_path: Path) -> None:
    found = catalogue(tmp_path, "ETH,,,,,,,,,,no,yes\nJOBY,Joby,stock,x,JOBY,yahoo,JOBY,USD,NYQ,,,yes\n")
    assert symbols(found.all()) == ["AAPL", "BRK.B", "BTC", "JOBY", "USDJPY"]
    assert symbols(found.all("crypto")) == ["BTC"]
    assert symbols(found.all("crypto", active=None)) == ["BTC", "ETH"]
    assert symbols(found.all(active=False)) == ["ETH"]
    assert symbols(found.followed()) == ["JOBY"]
    assert symbols(found.search("eth")) == ["ETH"]


def test_an_asset_of_ones_own_is_added_and_followed(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    assert found.add(JOBY) is True
    assert found.find("joby") == JOBY._replace(followed=True, own=True)
    assert found.find("yahoo:JOBY").symbol == "JOBY"
    assert catalogue(tmp_path).followed() == [JOBY._replace(followed=True, own=True)]
    assert written(tmp_path) == "JOBY,Joby Aviation,stock,Industrials,JOBY,yahoo,JOBY,USD,NYQ,,,yes\n"


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    found.add(JOBY)
    assert found.add(JOBY) is False
    assert found.add(APPLE) is True  # it was not followed
    assert found.add(APPLE) is False
    assert written(tmp_path).startswith("AAPL,,,,,,,,,,,yes\n")


def test_something_different_under_a_taken_symbol_is_refused(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    with pytest.raises(UsageError, match="AAPL is taken: name is Apple, not Pear; currency is USD, not EUR") as caught:
        found.add(APPLE._replace(name="Pear", currency="EUR"))
    assert (caught.value.exit_code, caught.value.hint) == (2, "--replace changes it")
    assert not (tmp_path / "assets.csv").exists()
    assert found.add(APPLE._replace(name="Pear"), replace=True) is True
    assert written(tmp_path) == "AAPL,Pear,,,,,,,,,,yes\n"
    assert found.find("AAPL").name == "Pear"
    assert found.add(APPLE, replace=True) is True
    assert written(tmp_path) == "AAPL,,,,,,,,,,,yes\n"


def test_telling_what_was_not_known_is_no_contradiction(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    found.add(JOBY._replace(currency="", exchange=""))
    assert found.add(JOBY) is True
    assert found.find("JOBY").currency == "USD"


def test_of_many_all_are_added_or_none(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    with pytest.raises(UsageError, match="BTC is taken"):
        found.add_all([JOBY, described({"symbol": "BTC", "name": "Bit"}, None)])
    assert not (tmp_path / "assets.csv").exists()
    assert found.get("JOBY") is None


def test_adding_again_what_was_switched_off_switches_it_on(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    found.set_active(["AAPL"], False)
    assert found.find("AAPL").active is False
    found.add(APPLE)
    assert found.find("AAPL").active is True


def test_follow_and_unfollow(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    assert found.follow(["btc", "yahoo:AAPL", "BTC"]) is True
    assert found.follow(["BTC"]) is False
    assert symbols(found.followed()) == ["AAPL", "BTC"]
    assert found.unfollow(["AAPL"]) is True
    assert written(tmp_path) == "BTC,,,,,,,,,,,yes\n"
    assert found.unfollow(["AAPL"]) is False


def test_an_own_asset_that_is_not_followed_stays(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    found.add(JOBY)
    found.unfollow(["JOBY"])
    assert catalogue(tmp_path).find("JOBY") == JOBY._replace(own=True)


def test_one_unknown_symbol_and_nothing_is_changed(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    with pytest.raises(NotFound, match="unknown symbol NOPE1"):
        found.follow(["BTC", "NOPE1"])
    with pytest.raises(NotFound, match="yahoo:JOBY is not in the catalogue") as caught:
        found.follow(["BTC", "yahoo:JOBY"])
    assert caught.value.hint == "`pricectl add-asset yahoo:JOBY` adds it"
    assert not (tmp_path / "assets.csv").exists()


def test_switching_off_and_on(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    found.follow(["BTC"])
    assert found.set_active(["BTC", "ETH"], False) is True
    assert "BTC" not in symbols(found.all())
    assert found.followed() == []
    assert found.set_active(["ETH", "BTC"], True) is True
    assert symbols(found.followed()) == ["BTC"]
    assert found.set_active(["BTC"], True) is False


def test_removing_gives_back_what_was_shipped(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    found.add(JOBY)
    found.add(APPLE._replace(name="Pear"), replace=True)
    assert found.remove(["JOBY", "aapl", "AAPL"]) is True
    assert found.find("AAPL") == APPLE
    assert found.get("JOBY") is None
    assert written(tmp_path) == ""


def test_what_only_the_shipped_list_has_cannot_be_removed(tmp_path: Path) -> None:
    found = catalogue(tmp_path)
    found.add(JOBY)
    with pytest.raises(UsageError, match="BTC is in the shipped list") as caught:
        found.remove(["JOBY", "BTC"])
    assert caught.value.hint == "`pricectl assets deactivate BTC` hides it"
    assert found.get("JOBY") is not None
    with pytest.raises(NotFound):
        found.remove(["NOPE1"])


def test_a_dry_run_tells_the_same_and_changes_nothing(tmp_path: Path) -> None:
    found = catalogue(tmp_path, "ETH,,,,,,,,,,,yes\n")
    assert found.add(JOBY, dry_run=True) is True
    assert found.follow(["BTC"], dry_run=True) is True
    assert found.follow(["ETH"], dry_run=True) is False
    assert found.remove(["ETH"], dry_run=True) is True
    assert found.set_active(["ETH"], False, dry_run=True) is True
    assert (symbols(found.followed()), found.get("JOBY")) == (["ETH"], None)
    assert written(tmp_path) == "ETH,,,,,,,,,,,yes\n"


def test_a_change_is_made_to_the_list_as_it_is_now(tmp_path: Path) -> None:
    one, other = catalogue(tmp_path), catalogue(tmp_path)
    one.follow(["BTC"])
    other.follow(["ETH"])
    one.add(JOBY)
    assert other.add(JOBY) is False
    assert symbols(one.followed()) == ["BTC", "ETH", "JOBY"]
    assert symbols(catalogue(tmp_path).followed()) == ["BTC", "ETH", "JOBY"]


def test_a_home_that_may_not_be_written_is_said_so(tmp_path: Path) -> None:
    found = Catalogue(settings(tmp_path, PRICECTL_READ_ONLY="1"), Shipped(SHIPPED), {})
    with pytest.raises(Unwritable, match="read_only is set"):
        found.add(JOBY)
    assert found.get("JOBY") is None
