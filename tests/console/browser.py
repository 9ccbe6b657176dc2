"""A headless Chromium, told in the words of someone who sits before it."""

import pathlib
import shutil
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 15

# What the page's policy refuses is told to the page alone: it is kept here until it is asked for.
WATCH = """
  window.refused = [];
  document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.violatedDirective + " " + event.blockedURI));
  window.addEventListener("error", (event) => window.refused.push("error: " + event.message));
  window.addEventListener("unhandledrejection", (event) => window.refused.push("rejection: " + event.reason));
"""


class Browser:
    def __init__(self, screenshots: pathlib.Path):
        self.screenshots = screenshots
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-browser-"))
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--no-first-run", "--lang=en-GB", f"--user-data-dir={self.place / 'profile'}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver", log_path="/dev/null"), options=options)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior",
                                    {"behavior": "allow", "downloadPath": str(self.place / "downloads")})
        self.size(1280, 900)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.place, ignore_errors=True)

    def size(self, width: int, height: int, scheme: str = "light"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": scheme},
                                                  {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def until(self, true, told: str):
        """Waits until true() is so; gives what it gave."""
        return WebDriverWait(self.driver, PATIENCE_S, 0.05, ignored_exceptions=(Exception,)).until(lambda _: true(), told)

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def module(self, script: str):
        """What an async function in the page returns; it may import the console's modules."""
        text = ("const done = arguments[arguments.length - 1];"
                f"(async () => {{ {script} }})().then((value) => done({{value}}), (error) => done({{error: String(error)}}));")
        answer = self.driver.execute_async_script(text)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["value"]

    def text(self, selector: str = "body") -> str:
        return "\n".join(self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)", selector))

    def see(self, text: str, selector: str = "body"):
        """Waits until the text stands there."""
        flat = " ".join(text.split())
        self.until(lambda: flat in " ".join(self.text(selector).split()), f"never saw “{text}” in {selector}: {self.text(selector)[:2000]}")

    def goes(self, text: str, selector: str = "body"):
        self.until(lambda: text not in self.text(selector), f"“{text}” stays in {selector}")

    def button(self, label: str):
        """The button, in the dialog if one is open, whose label starts so."""
        def find():
            inside = "dialog button" if self.run("return !!document.querySelector('dialog')") else "button"
            found = [each for each in self.driver.find_elements(By.CSS_SELECTOR, inside)
                     if each.is_displayed() and each.is_enabled() and each.text.startswith(label)]
            return found[-1] if found else None
        return self.until(find, f"no button “{label}”: {self.text()[:2000]}")

    def press(self, label: str):
        self.until(lambda: self.button(label).click() is None, f"“{label}” cannot be pressed")

    def link(self, text: str):
        self.until(lambda: self.driver.find_element(By.LINK_TEXT, text).click() is None, f"no link “{text}”")

    def fill(self, label: str, text: str):
        def put():
            target = self.run("return [...document.querySelectorAll('label')].find((each) => each.textContent.startsWith(arguments[0]))"
                              "?.control", label)
            target.clear()
            target.send_keys(text)
            return True
        self.until(put, f"no field “{label}”")

    def keys(self, *keys: str):
        for key in keys:
            webdriver.ActionChains(self.driver).send_keys(key).perform()

    def focused(self) -> str:
        return self.run("const at = document.activeElement; return at.getAttribute('aria-label') || at.innerText || at.id || at.tagName")

    def tab_to(self, name: str, most: int = 60):
        """Presses Tab until something of that name has the focus."""
        for _ in range(most):
            self.keys(Keys.TAB)
            if self.focused().startswith(name):
                return
        raise AssertionError(f"Tab never came to “{name}”")

    def go(self, address: str):
        self.run("location.hash = arguments[0]", address)

    def settle(self):
        """Waits until nothing on the page says that it is loading."""
        self.until(lambda: not self.run("return document.querySelector('.loading') || document.body.innerText.includes('Loading…')"),
                   "it loads for ever")

    def shot(self, name: str):
        self.driver.save_screenshot(str(self.screenshots / f"{name}.png"))

    def complaints(self) -> list[str]:
        """What the browser complained of since it was last asked."""
        logged = [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")
                  if entry["level"] in ("SEVERE", "WARNING")]
        return logged + self.run("const seen = window.refused.splice(0); return seen")
