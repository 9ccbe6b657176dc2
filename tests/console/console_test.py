#!/usr/bin/python3
"""The console's main tasks, in a real browser, against a real server; what it says is held against the API.

usage: console_test.py HOLDFAST-PROGRAM SCREENSHOTS-FOLDER [unittest's arguments]
"""

import csv
import io
import pathlib
import sys
import unittest

from selenium.webdriver.common.keys import Keys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import accessibility  # noqa: E402
import examples  # noqa: E402
from browser import Browser  # noqa: E402
from server import Server  # noqa: E402

PROGRAM = ""
SCREENSHOTS = pathlib.Path()
MAX_BYTES = 150_000

PAGES = {
    "overview": ("#/", "How far escrows are settled"), "groups": ("#/groups", "campaign:release"),
    "group": ("#/groups/campaign:looks", "looks:0"), "escrow": ("#/escrows/looks:6", "commission"),
    "frozen": ("#/escrows/looks:1", "chargeback 92"), "accounts": ("#/accounts", "user:0"),
    "plans": ("#/plans", "How a release is split"), "account": ("#/accounts/user:0", "Escrow held"), "payer": ("#/accounts/user:0?view=pays", "looks:0"),
    "events": ("#/events", "frozen"), "event": ("#/events?seq=1", "fee plan defined"), "health": ("#/health", "Commands a second"),
    "missing": ("#/escrows/nothing", "There is no such thing here"), "nowhere": ("#/nowhere", "no page"),
}


def money(minor: int) -> str:
    return f"{minor / 100:,.2f}"


class Console(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        cls.server = cls.enterClassContext(Server(PROGRAM))
        cls.server.fill(examples.commands())
        cls.browser = Browser(SCREENSHOTS)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.expected: list[str] = []  # complaints that the test means to cause
        self.browser.size(1280, 900)
        self.enter("admin")
        self.browser.complaints()

    def tearDown(self):
        left = [each for each in self.browser.complaints() if not any(part in each for part in self.expected)]
        self.assertEqual(left, [])

    def enter(self, role: str):
        """Opens the console as the server's own line says it is to be opened."""
        self.browser.driver.get("about:blank")
        self.browser.driver.get(f"{self.server.url}/#key={self.server.keys[role]}")
        self.browser.see(f"Signed in as the-{role}", "footer")

    def open(self, page: str, text: str):
        self.browser.go(page)
        self.browser.see(text, "main")

    # Who may

    def test_a_key_is_asked_for_and_kept_in_the_tab(self):
        b = self.browser
        self.assertNotIn("hf_", b.driver.current_url, "the key is taken out of the address")
        b.press("Sign out")
        b.see("Sign in")
        b.shot("sign-in")
        self.assertEqual(b.run("return sessionStorage.length"), 0)
        self.expected = ["401"]
        b.fill("API key", "hf_00000000_" + 43 * "0")
        b.press("Sign in")
        b.see("This key is unknown here, or was revoked.")
        b.fill("API key", self.server.keys["operate"])
        b.press("Sign in")
        b.see("Signed in as the-operate", "footer")
        b.driver.refresh()
        b.see("Signed in as the-operate", "footer")

    def test_a_key_that_may_read_sees_no_button_that_moves_money(self):
        self.enter("read")
        self.open("#/groups/campaign:looks", "looks:0")
        self.browser.see("Your key “the-read” may read only.", "main")
        for label in ("Release", "Refund", "Close", "Freeze"):
            self.assertNotIn(f"{label}…", self.browser.text())
        self.assertEqual(self.browser.run("return document.querySelectorAll('main input[type=checkbox]').length"), 0)
        self.browser.shot("read-only")

    # Looking

    def test_the_overview_is_the_trial_balance(self):
        self.open("#/", "How far escrows are settled")
        for row in self.server.ask("/v1/overview")["currencies"]:
            if row["currency"] == "EUR":
                self.browser.see(f"EUR {money(row['available'])} {money(row['held'])}", ".figures")
        self.browser.see("live", ".live")

    def test_the_overview_renews_itself_and_does_not_hurry(self):
        b = self.browser
        self.open("#/", "How far escrows are settled")
        b.see("live", ".live")
        b.run("performance.clearResourceTimings()")
        self.server.ask("/v1/deposits", {"key": "overview:1", "account": "user:1", "amount": 12_34})
        row = next(row for row in self.server.ask("/v1/trial-balance")["rows"] if row["currency"] == "EUR")
        b.see(f"EUR {money(row['available'])} {money(row['held'])}", ".figures")
        b.see("deposit", "main .rows")
        asked = b.run("return performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/v1/overview')).length")
        self.assertLessEqual(asked, 10)

    def test_an_escrow_is_found_by_its_key_and_explained(self):
        b = self.browser
        self.server.ask("/v1/overview")
        b.keys("/")
        self.assertEqual(b.run("return document.activeElement.id"), "search")
        b.keys("looks:3")
        b.see("looks:3", "#found")
        b.shot("search")
        b.keys(Keys.ENTER)
        b.see("History", "main")
        b.see("looks:3", "h1")
        escrow = self.server.escrow("looks:3")
        b.see(f"{money(escrow['amount'])} EUR", "main")
        b.see("× 5 %", ".history")
        b.see(f"{money(escrow['net'])} =", ".history")
        b.see("“sent”", ".history")

    def test_a_list_goes_on_as_asked(self):
        b = self.browser
        self.open("#/groups/campaign:many", "50 escrows so far")
        b.press("Show more")
        b.see("100 escrows so far", "main")
        b.press("Show more")
        b.see("120 escrows. That is all.", "main")
        self.assertEqual(b.run("return document.querySelectorAll('main .rows tbody tr').length"), 120)

    def test_a_group_shows_those_of_one_state(self):
        b = self.browser
        self.open("#/groups/campaign:looks", "looks:0")
        b.link("frozen")
        b.goes("looks:0", "main")
        b.see("2 escrows", "main .foot")
        b.go("#/groups/campaign:looks?status=REFUNDED")
        b.see("1 escrow", "main .foot")
        b.see("looks:5", "main")

    def test_an_account_has_a_statement_that_can_be_saved(self):
        b = self.browser
        self.open("#/accounts/user:0", "Escrow held")
        lines = self.server.ask("/v1/accounts/user:0/statement?limit=1000")["rows"]
        last = [line for line in lines if line["bucket"] == "available"][-1]
        b.see(money(last["balance"]), "main .rows")
        b.press("Download CSV")
        b.see("Saved as statement-user_0.csv", "main")
        saved = b.place / "downloads" / "statement-user_0.csv"
        b.until(saved.exists, "nothing was saved")
        rows = list(csv.DictReader(io.StringIO(saved.read_text(encoding="utf-8"))))
        self.assertEqual(len(rows), len(lines))
        self.assertEqual([int(row["seq"]) for row in rows], [line["seq"] for line in lines])
        b.go("#/accounts/user:0?from=2001-01-01&until=2001-12-31")
        b.see("Nothing was posted in this time.", "main")

    def test_events_come_as_they_happen(self):
        b = self.browser
        self.open("#/events", "deposit")
        b.see("live", ".live")
        b.run("window.same = true")
        done = self.server.ask("/v1/deposits", {"key": "live:1", "account": "user:1", "amount": 4711, "reason": "seen live"})
        b.see("seen live", "main .rows")
        self.assertTrue(b.run("return window.same"), "without a new page")
        head = self.server.ask("/v1/status")["head"]
        b.see(head, ".hash")
        b.go(f"#/events?seq={done['seq']}")
        b.see("+47.11 EUR", "main")
        b.see("−47.11 EUR", "main")
        b.go("#/events?op=freeze")
        b.see("chargeback 91", "main")
        self.assertNotIn("deposit", b.text("main .rows"))

    def test_the_stream_goes_on_after_the_server_was_away(self):
        b = self.browser
        self.open("#/events", "deposit")
        b.see("live", ".live")
        self.expected = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET"]
        self.server.stop()
        b.see("waiting", ".live")
        self.server.start()
        self.server.ask("/v1/deposits", {"key": "away:1", "account": "user:1", "amount": 4712, "reason": "seen after"})
        b.see("seen after", "main .rows")
        b.see("live", ".live")

    # Moving money

    def preview(self, group: str, kind: str = "Release"):
        self.open(f"#/groups/campaign:{group}", f"{group}:0")
        self.browser.press(f"{kind}…")
        self.browser.button(f"{kind} ")

    def test_a_group_is_released_as_it_was_shown(self):
        b = self.browser
        size = examples.GROUPS["release"]
        rows = [examples.amount("release", number) for number in range(size) if number != 1]
        before = self.server.account("maker:release")
        self.preview("release")
        label = f"Release {len(rows)} escrows, {money(sum(rows))} EUR"
        b.see(label, "dialog button")
        b.see("Left out: 1 frozen", "dialog")
        self.assertEqual(self.server.account("maker:release"), before, "a preview changes nothing")
        b.shot("release-preview")
        dialog = accessibility.problems(b)
        b.press(label)
        b.see("Done, and in the books.", "dialog")
        b.shot("release-report")
        self.assertEqual(dialog, [])
        totals = {"net": 0, "commission": 0, "processor_fee": 0}
        for number in range(size):
            escrow = self.server.escrow(f"release:{number}")
            self.assertEqual(escrow["status"], "FROZEN" if number == 1 else "RELEASED")
            for name in totals:
                totals[name] += escrow[name]
        self.assertEqual(self.server.account("maker:release")["available"] - before["available"], totals["net"])
        b.see(f"EUR {len(rows)} {money(sum(rows))} {money(totals['commission'])} {money(totals['processor_fee'])} {money(totals['net'])}", "dialog .figures")
        b.press("Close")
        b.see("1 unsettled", "main")
        self.assertTrue(all(row["sum"] == 0 for row in self.server.ask("/v1/trial-balance")["rows"]))

    def test_nothing_is_done_where_the_state_has_moved(self):
        b = self.browser
        self.preview("moved")
        every = [examples.amount("moved", number) for number in range(4)]
        b.see(f"Release 4 escrows, {money(sum(every))} EUR", "dialog")
        self.server.ask("/v1/refunds", {"escrows": ["moved:2"]})
        seq = self.server.ask("/v1/status")["seq"]
        self.expected = ["409"]
        b.press("Release 4 escrows")
        b.see("The state has moved. Nothing was done.", "dialog")
        self.assertEqual(self.server.ask("/v1/status")["seq"], seq)
        rest = sum(every) - every[2]
        b.see(f"you saw 4 {money(sum(every))}", "dialog .changes")
        b.see(f"now 3 {money(rest)}", "dialog .changes")
        b.see(f"Release 3 escrows, {money(rest)} EUR", "dialog button")
        b.shot("moved")
        self.assertEqual(self.server.escrow("moved:0")["status"], "LOCKED")
        b.press("Release 3 escrows")
        b.see("Done, and in the books.", "dialog")
        self.assertEqual(self.server.escrow("moved:0")["status"], "RELEASED")
        self.assertEqual(self.server.escrow("moved:2")["status"], "REFUNDED")

    def test_a_lost_answer_is_asked_for_again_and_pays_once(self):
        b = self.browser
        self.preview("retry", "Refund")
        seq = self.server.ask("/v1/status")["seq"]
        b.run("""
          const real = window.fetch;
          window.fetch = async (address, options) => {
            const answer = await real(address, options);
            if (options?.method === "POST" && !String(options.body).includes("dry_run")) { window.fetch = real; throw new TypeError("cut"); }
            return answer;
          };""")
        b.press("Refund 3 escrows")
        b.see("Whether it happened is not known.", "dialog")
        b.shot("answer-lost")
        b.press("Try again")
        b.see("Done, by an earlier try.", "dialog")
        self.assertEqual(self.server.ask("/v1/status")["seq"], seq + 1, "one event")
        event = self.server.ask(f"/v1/events?after={seq}&limit=1")["rows"][0]
        self.assertEqual((event["op"], event["actor"], event["escrow_count"]), ("refund", "the-admin", 3))

    def test_chosen_escrows_and_a_part_of_one(self):
        b = self.browser
        self.open("#/groups/campaign:chosen", "chosen:5")
        for number in (0, 2):
            b.run("document.querySelector(`[aria-label='Choose chosen:${arguments[0]}']`).click()", number)
        locked = sum(examples.amount("chosen", number) for number in (0, 2))
        b.see(f"2 escrows chosen, {money(locked)} EUR locked", ".tray")
        b.shot("chosen")
        b.press("Refund chosen…")
        b.press(f"Refund 2 escrows, {money(locked)} EUR")
        b.see("Done, and in the books.", "dialog")
        b.press("Close")
        self.assertEqual([self.server.escrow(f"chosen:{number}")["status"] for number in range(3)], ["REFUNDED", "LOCKED", "REFUNDED"])
        self.open("#/escrows/chosen:1", "History")
        b.press("Release…")
        b.fill("How much", "1.005")
        b.see("EUR has 2 decimals", "dialog")
        b.fill("How much", "99999.00")
        b.see("More than is locked", "dialog")
        b.fill("How much", "1.00")
        b.press("Release 1 escrow, 1.00 EUR")
        b.see("Done, and in the books.", "dialog")
        self.assertEqual(self.server.escrow("chosen:1")["released"], 100)

    def test_all_or_none_offers_to_leave_out_what_spoils_it(self):
        b = self.browser
        self.open("#/groups/campaign:spoiled", "spoiled:2")
        for number in range(3):
            b.run("document.querySelector(`[aria-label='Choose spoiled:${arguments[0]}']`).click()", number)
        self.server.ask("/v1/freezes", {"escrow": "spoiled:1"})
        self.expected = ["409"]
        b.press("Release chosen…")
        b.see("All or none: some of these cannot be released.", "dialog")
        b.see("1 frozen", "dialog")
        b.shot("all-or-none")
        b.press("Leave them out")
        b.press("Release 2 escrows")
        b.see("Done, and in the books.", "dialog")
        self.assertEqual([self.server.escrow(f"spoiled:{number}")["status"] for number in range(3)], ["RELEASED", "FROZEN", "RELEASED"])

    def test_a_freeze_and_its_resolution(self):
        b = self.browser
        amount = examples.amount("many", 7)
        self.open("#/escrows/many:7", "History")
        b.press("Freeze…")
        b.run("document.querySelector('dialog details').open = true")
        b.fill("Reason", "chargeback 94")
        b.press(f"Freeze 1 escrow, {money(amount)} EUR")
        b.see("It is frozen.", "dialog")
        b.press("Close")
        b.see("“chargeback 94”", ".history")
        self.assertEqual(self.server.escrow("many:7")["status"], "FROZEN")
        b.press("Resolve…")
        b.fill("Back to the payer", "1.00")
        b.fill("To the beneficiary", f"{amount / 100:.2f}")
        b.see("1.00 EUR too much", "dialog")
        self.assertNotIn("Pay ", b.text("dialog button"))
        b.fill("To the beneficiary", f"{(amount - 100) / 100:.2f}")
        b.see("Nothing stays locked.", "dialog")
        b.button("Pay 1.00 to the payer")
        b.shot("resolve")
        b.press(f"Pay 1.00 to the payer, {money(amount - 100)} EUR to the beneficiary")
        b.see("Done, and in the books.", "dialog")
        escrow = self.server.escrow("many:7")
        self.assertEqual((escrow["status"], escrow["refunded"], escrow["released"]), ("SPLIT", 100, amount - 100))

    def test_an_escrow_gets_a_date_and_loses_it(self):
        b = self.browser
        self.open("#/escrows/many:8", "History")
        b.press("Date…")
        b.see("It has no date now.", "dialog")
        b.run("const what = document.getElementById('on-that-day'); what.value = 'refund'; what.dispatchEvent(new Event('input', {bubbles: true}))")
        b.see("Give the date and the time.", "dialog")
        b.run("""const when = document.querySelector('dialog input[type=datetime-local]'); when.value = '2031-03-04T05:06';
                 when.dispatchEvent(new Event('input', {bubbles: true}))""")
        b.see("goes back, without a fee, to", "dialog")
        b.shot("date")
        b.press(f"Refund {money(examples.amount('many', 8))} EUR at 2031-03-04 05:06:00 UTC")
        b.see("It is to be refunded at 2031-03-04 05:06:00 UTC.", "dialog")
        b.press("Close")
        b.see("To be refunded", "main")
        self.assertTrue(self.server.escrow("many:8")["refund_at"].startswith("2031-03-04T05:06:00"))
        b.press("Date…")
        b.see("goes back, without a fee, to", "dialog")
        b.run("const what = document.getElementById('on-that-day'); what.value = 'none'; what.dispatchEvent(new Event('input', {bubbles: true}))")
        b.press("Take the date away")
        b.see("It has no date any more.", "dialog")
        self.assertIsNone(self.server.escrow("many:8")["refund_at"])

    def test_names_are_found_by_their_beginning(self):
        b = self.browser
        self.expected = ["404"]  # whether one has just this name is asked first
        self.open("#/accounts", "user:0")
        b.fill("Name begins with", "user:")
        b.press("Show")
        b.goes("maker:looks", "main")
        b.see(f"{examples.PAYERS + 2} accounts", "main")
        b.go("#/accounts?begins=user:3")  # a name and a beginning at once
        b.see("1 account", "main")
        b.go("#/accounts?begins=nobody")
        b.see("No account begins so.", "main")
        b.go("#/groups?begins=campaign:c")
        b.see("campaign:chosen", "main")
        b.goes("campaign:looks", "main")

    def test_fee_plans_say_how_a_release_is_split(self):
        b = self.browser
        self.open("#/plans", "standard")
        for text in ("5 % → ", "2.9 % → ", "plan-JPY", "half up"):
            b.see(text, "main")

    def test_a_broken_law_is_said_on_every_page(self):
        b = self.browser
        with Server(PROGRAM) as other:
            other.fill(examples.commands())
            other.stop()
            other.start("--audit-every", "1s")
            journal = sorted((other.ledger / "journal").glob("0*"))[0]
            with journal.open("r+b") as file:
                file.seek(4096 + 200)
                byte = file.read(1)[0]
                file.seek(4096 + 200)
                file.write(bytes([byte ^ 1]))
            b.until(lambda: other.ask("/readyz")["commands_stopped"], "the audit finds nothing")
            self.expected = ["503"]
            b.driver.get("about:blank")
            b.driver.get(f"{other.url}/#key={other.keys['admin']}")
            for page in ("#/", "#/accounts", "#/health"):
                b.go(page)
                b.see("A law is broken: no command is taken.", ".alarm")
            b.shot("alarm")
            b.go("#/")
            b.see("A law is broken", ".verdict")

    def test_a_group_is_closed_and_opened_again(self):
        b = self.browser
        self.open("#/groups/campaign:close", "close:0")
        b.press("Close…")
        b.press("Close the group")
        b.see("The group is closed to new escrows.", "dialog")
        b.press("Close")
        self.assertFalse(self.server.ask("/v1/groups/campaign:close")["open"])
        b.press("Reopen…")
        b.press("Reopen the group")
        b.see("The group is open again.", "dialog")
        self.assertTrue(self.server.ask("/v1/groups/campaign:close")["open"])

    def test_very_large_groups_settle_in_steps(self):
        b = self.browser
        size = 101_000
        hold = {"op": "hold", "payer": "user:2", "beneficiary": "maker:many", "amount": 50, "fee_plan": "standard", "group": "campaign:huge"}
        for start in range(0, size, 4000):
            self.server.fill([{**hold, "key": f"huge:{number}"} for number in range(start, min(size, start + 4000))])
        self.open("#/groups/campaign:huge", "101,000 unsettled")
        seq = self.server.ask("/v1/status")["seq"]
        b.press("Release…")
        b.see("So many settle in steps of 10,000.", "dialog")
        b.press("Release 101,000 escrows, 50,500.00 EUR")
        b.see("Released 101,000 escrows, 50,500.00 EUR.", "dialog")
        b.shot("large-group")
        group = self.server.ask("/v1/groups/campaign:huge")
        self.assertEqual((group["escrows"], group["live"]), (size, 0))
        self.assertEqual(self.server.ask("/v1/status")["seq"], seq + 11, "an event a step")

    def test_a_release_with_the_keyboard_alone(self):
        b = self.browser
        b.go("#/groups")
        b.see("campaign:keys", "main")
        b.settle()
        b.tab_to("campaign:")
        for _ in range(20):
            if b.focused() == "campaign:keys":
                break
            b.keys(Keys.ARROW_DOWN)
        self.assertEqual(b.focused(), "campaign:keys")
        b.keys(Keys.ENTER)
        b.see("keys:0", "main")
        b.see("campaign:keys", "h1")
        b.tab_to("Release…")
        b.keys(Keys.ENTER)
        b.button("Release 5 escrows")
        for _ in range(3):
            b.keys(Keys.SHIFT + Keys.TAB)
        self.assertTrue(b.run("return document.querySelector('dialog').contains(document.activeElement) || document.activeElement === document.body"),
                        "the focus stays in the dialog")
        b.tab_to("Release 5 escrows")
        self.assertNotEqual(b.run("return getComputedStyle(document.activeElement).outlineStyle"), "none", "the focus is seen")
        b.keys(Keys.ENTER)
        b.see("Done, and in the books.", "dialog")
        b.keys(Keys.ESCAPE)
        b.goes("Done, and in the books.")
        self.assertEqual(self.server.ask("/v1/groups/campaign:keys")["live"], 0)
        b.keys("?")
        b.see("open", "dialog .keys")
        b.keys(Keys.ESCAPE)

    # How it is made

    def test_amounts_stay_exact(self):
        b = self.browser
        got = b.module("""
          const { parse, print } = await import("/assets/json.js");
          const { amount, money, parseAmount, signed, sums } = await import("/assets/money.js");
          const bad = (text, currency) => { try { return String(parseAmount(text, currency)); } catch (error) { return "refused"; } };
          const read = parse('{"a":9223372036854775807,"b":-9007199254740993,"c":12.5,"d":"9223372036854775807","e":[1,"\\\\"1234567890123456789"],"f":9007199254740991,"g":170141183460469231731687303715884105727}');
          return [
            String(read.a), typeof read.a, String(read.b), read.c, read.d, typeof read.d, read.e[1], typeof read.f, String(read.g),
            money(read.a, "EUR"), amount(-5, "EUR"), amount(123456, "JPY"), amount(1234567, "BHD"), signed(100, "EUR"), amount(0, "EUR"),
            sums([{ currency: "EUR", amount: 100 }, { currency: "JPY", amount: 7 }]),
            print({ ...read, g: 1 }), String(parseAmount("1,234.50", "EUR")), String(parseAmount("0.07", "BHD")), String(parseAmount("90071992547409.91", "EUR")),
            ["1.005", "1e3", "10,00", "NaN", "+5", "-5", ".5", "5.", "", "1,23", "90071992547409.92"].map((text) => bad(text, "EUR")).join(), bad("1.0", "JPY"),
          ];""")
        self.assertEqual(got, [
            "9223372036854775807", "bigint", "-9007199254740993", 12.5, "9223372036854775807", "string", '"1234567890123456789', "number",
            "170141183460469231731687303715884105727",
            "92,233,720,368,547,758.07 EUR", "−0.05", "123,456", "1,234.567", "+1.00", "0.00", "1.00 EUR and 7 JPY",
            '{"a":9223372036854775807,"b":-9007199254740993,"c":12.5,"d":"9223372036854775807","e":[1,"\\"1234567890123456789"],'
            '"f":9007199254740991,"g":1}',
            "123450", "70", "9007199254740991", ",".join(11 * ["refused"]), "refused"])
        available = self.server.account("user:JPY")["available"]
        self.assertGreater(available, 2**53)
        self.open("#/accounts/user:JPY", f"{available:,} JPY")
        self.open("#/accounts/user:BHD", f"{self.server.account('user:BHD')['available'] / 1000:,.3f} BHD")

    def test_it_is_small_and_from_here_alone(self):
        b = self.browser
        for page, (address, text) in PAGES.items():
            if page != "missing":
                self.open(address, text)
        loaded = b.run("return performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
                       ".map((each) => [each.name, each.decodedBodySize])")
        self.assertTrue(all(name.startswith(self.server.url + "/") for name, _ in loaded), loaded)
        assets = {name.split("#")[0]: size for name, size in loaded if "/v1/" not in name}
        self.assertGreaterEqual(len(assets), 15)
        self.assertLess(sum(assets.values()), MAX_BYTES)
        answer = b.module("""
          const answer = await fetch("/"); const names = ["content-security-policy", "x-content-type-options", "referrer-policy", "etag"];
          return names.map((name) => answer.headers.get(name));""")
        self.assertIn("default-src 'none'", answer[0])
        self.assertEqual(answer[1:3], ["nosniff", "no-referrer"])
        self.assertTrue(answer[3])

    def test_what_is_checked_of_a_page_can_fail(self):
        b = self.browser
        self.open("#/groups", "campaign:release")
        b.run("""
          const put = (name, set) => { const made = document.createElement(name); set(made); document.querySelector("main").append(made); };
          put("p", (made) => { made.textContent = "too pale"; made.style.color = "#b0b0b0"; });
          put("button", (made) => { made.style.height = "30px"; });
          put("h1", (made) => { made.textContent = "another"; });
          put("i", (made) => { made.id = "search"; });
          put("div", (made) => { made.style.width = "3000px"; made.textContent = "wide"; });""")
        found = "\n".join(accessibility.problems(b))
        for part in ("too pale", "a button without a name", "2 h1", "the id search stands twice", "wider than the page"):
            self.assertIn(part, found)

    def test_every_page_on_a_desk_and_a_phone_by_day_and_by_night(self):
        b = self.browser
        self.expected = ["404"]
        wrong = []
        for scheme in ("light", "dark"):
            for width, height, name in ((1280, 900, "desk"), (360, 740, "phone")):
                b.size(width, height, scheme)
                for page, (address, text) in PAGES.items():
                    self.open(address, text)
                    b.settle()
                    wrong += [f"{page}, {name}, {scheme}: {each}" for each in accessibility.problems(b)]
                    b.shot(f"{page}-{name}-{scheme}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    PROGRAM = sys.argv[1]
    SCREENSHOTS = pathlib.Path(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
