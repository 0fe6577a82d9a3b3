"""``pricectl schedule``, as real processes; ``crontab`` and ``systemctl`` are programs of the test's own on PATH."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shell import Ended, environment, pricectl

CRONTAB = """#!/bin/sh
[ -n "$REFUSE" ] && { echo "You (me) are not allowed to use this program (crontab)" >&2; exit 1; }
case "$1" in
-l) [ -f "$SPOOL" ] || { echo "no crontab for me" >&2; exit 1; }; exec cat "$SPOOL" ;;
-) [ -n "$FULL" ] && { echo "crontab: write error: No space left on device" >&2; exit 1; }; exec cat > "$SPOOL" ;;
*) echo "usage" >&2; exit 2 ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$CALLS"
[ -n "$NOBUS" ] && { echo "Failed to connect to bus: No medium found" >&2; exit 1; }
exit 0
"""
OTHERS = "MAILTO=ops@example.org\n\n# nightly\n17 3 * * * /usr/bin/backup --all  # keep\n\t@reboot x%y\n"


class Account:
    """An account with a crontab, a folder of units and a pricectl on its PATH."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.spool = root / "spool"
        self.calls = root / "calls"
        self.units = root / "config" / "systemd" / "user"
        self.bin = root / "bin"
        for folder in (self.home, self.bin):
            folder.mkdir()
        for name, text in (("crontab", CRONTAB), ("systemctl", SYSTEMCTL)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self.env = {
            "PATH": f"{self.bin}:{os.defpath}",
            "SPOOL": str(self.spool),
            "CALLS": str(self.calls),
            "XDG_CONFIG_HOME": str(root / "config"),
        }

    def schedule(self, *words: str, home: Path | None = None, **env: str) -> Ended:
        return pricectl("schedule", *words, home=home or self.home, env={**self.env, **env})

    @property
    def crontab(self) -> str:
        return self.spool.read_bytes().decode("latin-1")


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


def lines_of(home: Path, more: str = "") -> list[str]:
    python = shlex.quote(sys.executable)
    refresh = f"{python} -P -m pricectl refresh --home {home} --deadline 50s --jitter 5s"
    return [
        f"* * * * * {refresh}{more} # pricectl refresh of {home}",
        f"17 5 * * * {python} -P -m pricectl aggregate --home {home} > /dev/null # pricectl aggregate of {home}",
    ]


def test_it_shows_what_it_would_install_and_touches_nothing(account: Account) -> None:
    ended = account.schedule()
    assert (ended.code, ended.err) == (0, "")
    parts = ended.out.split("\n\n# /")
    assert parts[0].splitlines() == ["# the crontab (crontab -e)", *lines_of(account.home)]
    assert ["timer" in part.splitlines()[0] for part in parts[1:]] == [False, True, False, True]
    said = json.loads(account.schedule("--json").out)
    assert [part["kind"] for part in said["parts"]] == ["crontab", "service", "timer", "service", "timer"]
    assert (said["home"], said["schemaVersion"]) == (str(account.home), 1)
    only = json.loads(account.schedule("--with", "cron", "--json").out)
    assert [part["text"] for part in only["parts"]] == ["".join(f"{line}\n" for line in lines_of(account.home))]
    assert not account.spool.exists()
    assert not account.calls.exists()
    assert not account.units.exists()
    assert os.listdir(account.home) == []


def test_into_a_crontab_that_is_not_there_yet(account: Account) -> None:
    ended = account.schedule("--install")
    assert (ended.code, ended.out) == (0, "")
    assert f"installed refresh and aggregate of {account.home} into the crontab" in ended.err
    assert account.crontab.splitlines() == lines_of(account.home)


def test_no_other_line_is_ever_touched_and_twice_is_once(account: Account) -> None:
    account.spool.write_text(OTHERS)
    assert account.schedule("--install").code == 0
    installed = account.crontab
    assert installed.startswith(OTHERS)
    assert installed[len(OTHERS) :].splitlines() == lines_of(account.home)
    before = account.spool.stat().st_mtime_ns
    again = account.schedule("--install")
    assert (again.code, again.err.splitlines()[-1]) == (0, "nothing to install")
    assert account.spool.stat().st_mtime_ns == before
    assert account.schedule("--remove").code == 0
    assert account.crontab == OTHERS
    nothing = account.schedule("--remove")
    assert (nothing.code, nothing.err) == (0, "nothing to remove\n")


def test_a_crontab_in_another_encoding_and_without_a_last_line_end(account: Account) -> None:
    others = b"# caf\xe9 \xff\r\n5 * * * * x"
    account.spool.write_bytes(others)
    assert account.schedule("--install").code == 0
    assert account.spool.read_bytes().startswith(others + b"\n* * * * * ")
    assert account.schedule("--remove").code == 0
    assert account.spool.read_bytes() == others + b"\n"


def test_other_options_replace_the_line_in_its_place(account: Account) -> None:
    account.schedule("--install")
    account.spool.write_text(account.crontab + OTHERS)
    ended = account.schedule("--install", "--", "--all", "--metrics-file", "/var/lib/prom/pricectl.prom")
    assert ended.code == 0
    refresh, aggregate = lines_of(account.home, " --all --metrics-file /var/lib/prom/pricectl.prom")
    assert account.crontab == f"{refresh}\n{aggregate}\n{OTHERS}"


def test_a_line_that_somebody_commented_out_is_theirs(account: Account) -> None:
    theirs = f"#{lines_of(account.home)[0]}\n"
    account.spool.write_text(theirs)
    account.schedule("--install")
    assert account.crontab == theirs + "".join(f"{line}\n" for line in lines_of(account.home))
    account.schedule("--remove")
    assert account.crontab == theirs


def test_two_homes_have_each_their_own(account: Account, tmp_path: Path) -> None:
    second = tmp_path / "home2"
    second.mkdir()
    account.schedule("--install")
    account.schedule("--install", home=second)
    assert account.crontab.splitlines() == [*lines_of(account.home), *lines_of(second)]
    account.schedule("--remove")
    assert account.crontab.splitlines() == lines_of(second)


def test_a_dry_run_writes_nothing(account: Account) -> None:
    account.spool.write_text(OTHERS)
    ended = account.schedule("--install", "--dry-run", "--json")
    said = json.loads(ended.out)
    assert (ended.code, said["action"], said["changed"], said["dryRun"]) == (0, "install", True, True)
    assert said["parts"][0]["text"].splitlines() == lines_of(account.home)
    assert account.schedule("--install", "--with", "systemd", "--dry-run").code == 0
    assert account.crontab == OTHERS
    assert not account.calls.exists()
    assert not account.units.exists()
    account.schedule("--install")
    installed = account.crontab
    assert "would remove" in account.schedule("--remove", "--dry-run").err
    assert account.crontab == installed


def test_the_line_works_as_cron_runs_it(account: Account, tmp_path: Path) -> None:
    awkward = tmp_path / "a 100% 'odd' $home"
    awkward.mkdir()
    account.schedule("--install", home=awkward)
    refresh, aggregate = account.crontab.splitlines()
    for line in (refresh, aggregate):
        assert "%" not in line.replace("\\%", "")  # cron would end the command there
        command = line.split(" ", 5)[5].replace("\\%", "%")  # what cron hands to the shell
        bare = {name: text for name, text in environment(awkward).items() if name != "PRICECTL_HOME"}
        done = subprocess.run(["/bin/sh", "-c", command], env=bare, capture_output=True, check=False, cwd="/")
        assert (done.returncode, done.stdout) == (0, b"")
    assert (awkward / "state" / "runs.jsonl").exists()
    account.schedule("--remove", home=awkward)
    assert account.crontab == ""


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"REFUSE": "1"}, "cannot read the crontab: You (me) are not allowed to use this program (crontab)"),
        ({"FULL": "1"}, "cannot write the crontab: crontab: write error: No space left on device"),
    ],
)
def test_a_crontab_that_cannot_be_written_is_one_line(account: Account, env: dict[str, str], said: str) -> None:
    account.spool.write_text(OTHERS)
    ended = account.schedule("--install", **env)
    assert (ended.code, ended.out) == (1, "")
    last = ended.err.splitlines()[-1]
    assert last.startswith(f"pricectl: {said}; see whether this account may use cron")
    assert len([line for line in ended.err.splitlines() if not line.startswith("pricectl: warning")]) == 1
    assert account.crontab == OTHERS


def test_without_a_crontab_program_the_other_way_is_named(account: Account) -> None:
    (account.bin / "crontab").unlink()
    ended = account.schedule("--install", PATH=str(account.bin))
    assert ended.code == 2
    assert ended.err.splitlines()[-1] == (
        "pricectl: this machine has no crontab program; install cron, or give --with systemd"
    )
    assert account.schedule("--remove", PATH=str(account.bin)).code == 0


def test_a_crontab_that_keeps_something_else_is_found_out(account: Account) -> None:
    (account.bin / "crontab").write_text(CRONTAB.replace('exec cat > "$SPOOL"', 'exec grep -v refresh > "$SPOOL"'))
    ended = account.schedule("--install")
    assert (ended.code, ended.out) == (1, "")
    assert "it is not what was written" in ended.err


def test_timers_of_systemd(account: Account) -> None:
    ended = account.schedule("--install", "--with", "systemd", "--", "--metrics-file", "/var/lib/prom/p.prom")
    assert ended.code == 0
    assert "enable-linger" in ended.err
    names = sorted(os.listdir(account.units))
    assert len(names) == 4
    timer = next(name for name in names if name.startswith("pricectl-refresh") and name.endswith(".timer"))
    service = (account.units / timer.replace(".timer", ".service")).read_text()
    assert f"ExecStart={sys.executable} -P -m pricectl refresh --home {account.home} --deadline 50s" in service
    assert f"ReadWritePaths={account.home} /var/lib/prom\n" in service
    for directive in (
        "Type=oneshot", "TimeoutStartSec=58", "SuccessExitStatus=3 11", "UMask=0077", "ProtectSystem=strict",
        "ProtectHome=read-only", "NoNewPrivileges=yes",
    ):  # fmt: skip
        assert f"\n{directive}\n" in service
    said = (account.units / timer).read_text()
    assert "\nOnCalendar=*:*:00\n" in said
    assert "\nAccuracySec=1s\n" in said
    assert "\nPersistent=no\n" in said
    assert account.calls.read_text().splitlines() == [
        "--user daemon-reload",
        f"--user enable --now {' '.join(sorted((n for n in names if n.endswith('.timer')), reverse=True))}",
    ]
    assert {path.stat().st_mode & 0o777 for path in account.units.iterdir()} == {0o644}
    again = account.schedule("--install", "--with", "systemd", "--", "--metrics-file", "/var/lib/prom/p.prom")
    assert (again.code, again.err.splitlines()[-1]) == (0, "nothing to install")
    (account.units / "other.service").write_text("mine")
    removed = account.schedule("--remove")
    assert removed.code == 0
    assert "systemd's timers" in removed.err
    assert os.listdir(account.units) == ["other.service"]
    assert account.calls.read_text().splitlines()[-2:][0].startswith("--user disable --now pricectl-refresh")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd to judge the units")
def test_systemd_itself_takes_the_units(account: Account, tmp_path: Path) -> None:
    awkward = tmp_path / "a 100% odd home"
    account.schedule("--install", "--with", "systemd", home=awkward)
    units = [str(account.units / name) for name in os.listdir(account.units)]
    service = next(Path(unit).read_text() for unit in units if "refresh" in unit and unit.endswith(".service"))
    assert f'--home "{tmp_path}/a 100%% odd home" --deadline' in service
    assert f'ReadWritePaths="{tmp_path}/a 100%% odd home"\n' in service
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_without_a_session_says_what_is_done_and_what_is_not(account: Account) -> None:
    ended = account.schedule("--install", "--with", "systemd", NOBUS="1")
    assert (ended.code, ended.out) == (1, "")
    assert f"the units are written to {account.units}, but `systemctl --user daemon-reload` failed" in ended.err
    assert len(os.listdir(account.units)) == 4


def test_a_unit_of_somebody_else_is_left_alone(account: Account) -> None:
    account.schedule("--install", "--with", "systemd")
    name = next(name for name in os.listdir(account.units) if name.endswith(".service"))
    (account.units / name).write_text("[Service]\nExecStart=/mine\n")
    for words in (("--install", "--with", "systemd"), ("--remove",)):
        ended = account.schedule(*words)
        assert ended.code == 2
        assert f"{name} is not of pricectl's making" in ended.err
    assert (account.units / name).read_text() == "[Service]\nExecStart=/mine\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--install", "--remove"), "--install and --remove exclude each other"),
        (("--remove", "--", "--all"), "--remove takes no options for refresh"),
        (("--", "--home", "/x"), "--home cannot stand after --"),
        (("--", "--every=60s"), "--every=60s cannot stand after --"),
        (("--", "--nonsense"), "no such option: --nonsense"),
        (("--with", "launchd"), "invalid value for '--with'"),
        (("--home", "/tmp/a\nb"), "holds a character that no schedule can hold"),
    ],
)
def test_what_is_refused(account: Account, words: tuple[str, ...], said: str) -> None:
    ended = account.schedule(*words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert not account.spool.exists()


def test_variables_that_would_not_be_there_are_named(account: Account) -> None:
    ended = account.schedule("--install", PRICECTL_TIMEOUT="5s")
    assert (
        f"PRICECTL_TIMEOUT will not be set when it runs by itself; put it into {account.home}/config.toml" in ended.err
    )


def test_the_script_that_was_called_is_what_is_scheduled(account: Account) -> None:
    script = account.bin / "pricectl"
    script.write_text(f"#!{sys.executable}\nfrom pricectl.__main__ import main\nraise SystemExit(main())\n")
    script.chmod(0o755)
    env = environment(account.home, account.env)
    done = subprocess.run(
        ["pricectl", "schedule", "--with", "cron"], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1].startswith(f"* * * * * {script} refresh --home ")
