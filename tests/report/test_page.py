"""A report in a real browser, without a network, at a laptop's and a phone's width."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from kdrun.report import main
from tests.fabricated import record, save
from tests.report.evil import EVIL

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select  # noqa: E402

SCREENS = {"laptop": (1440, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium that cannot reach anything but files."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("there is no chromium with its chromedriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for word in (
        "--headless=new",
        "--force-prefers-reduced-motion",  # no scrolling under way while a test clicks
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(word)
    if os.geteuid() == 0:  # Chromium's sandbox refuses root
        options.add_argument("--no-sandbox")
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chromium.set_page_load_timeout(120)
    yield chromium
    chromium.quit()


@pytest.fixture
def show(browser, capsys):
    """Write the report of a folder and open it; the browser must have nothing to complain of."""

    def open_page(folder, *words, screen="laptop"):
        assert main([str(folder), *words]) == 0
        width, height = SCREENS[screen]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
        metrics["mobile"] = screen == "phone"
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get(Path(capsys.readouterr().out.strip()).absolute().as_uri())
        return browser

    yield open_page
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two losses for two students with three seeds, and two failures."""
    folder = tmp_path_factory.mktemp("sweep")
    grid = [
        (s, loss, st) for s in range(3) for loss in ("kd", "dkd") for st in ("vgg8", "wrn_16_2")
    ]
    runs = [record(s, loss=loss, student=student) for s, loss, student in grid]
    failed = [record(s, loss="at", error="RuntimeError: boom") for s in (0, 1)]
    save(folder, *runs, *failed, epochs=8)
    return folder


def texts(browser, selector):
    """What stands in the elements."""
    return [one.text for one in browser.find_elements(By.CSS_SELECTOR, selector)]


def bring(browser, element):
    """Scroll to it, and wait until the page has heard of the scrolling."""
    browser.execute_async_script(
        "arguments[0].scrollIntoView({block: 'center'});"
        "requestAnimationFrame(() => requestAnimationFrame(arguments[1]))",
        element,
    )


def click(browser, selector):
    """Click the first such element, wherever it is on the page."""
    element = browser.find_element(By.CSS_SELECTOR, selector)
    bring(browser, element)
    element.click()
    return element


def count(browser, selector):
    return len(browser.find_elements(By.CSS_SELECTOR, selector))


CUT_OFF = """
const figures = [...document.querySelectorAll("figure:not(.wide)")];
return figures.flatMap((figure) => {
  const box = figure.getBoundingClientRect();
  return [...figure.querySelectorAll("text")].filter((text) => {
    const own = text.getBoundingClientRect();
    return own.left < box.left - 8 || own.right > box.right + 8;
  }).map((text) => text.textContent);
});
"""
"""Texts of charts that stick out of them."""


@pytest.mark.parametrize("screen", SCREENS)
def test_everything_is_drawn_and_nothing_sticks_out(show, sweep, screen):
    page = show(sweep, "--baseline", "loss=kd", screen=screen)
    assert page.execute_script("return document.documentElement.scrollWidth") <= SCREENS[screen][0]
    assert page.execute_script(CUT_OFF) == []
    sections = [
        "results",
        "means",
        "curves",
        "front",
        "settings",
        "failures",
        "runs",
        "differences",
    ]
    assert [s.get_attribute("id") for s in page.find_elements(By.TAG_NAME, "section")] == sections
    assert count(page, "#means .seed") == 12
    assert count(page, "#curves .band") == 4
    assert count(page, "#front .mark") == 4 + 2  # and two in the legend
    assert count(page, "#settings rect") == 4
    assert count(page, "#runs tbody tr") == 14


def test_headings_sort_by_mouse_and_by_keyboard(show, sweep):
    page = show(sweep)
    heads = page.find_elements(By.CSS_SELECTOR, "#results thead th")
    names = [head.text for head in heads]
    column = names.index("test_accuracy [%]")
    cells = f"#results tbody td:nth-child({column + 1})"
    best_first = texts(page, cells)
    button = heads[column].find_element(By.TAG_NAME, "button")
    button.click()
    assert heads[column].get_attribute("aria-sort") == "descending"
    assert texts(page, cells) == best_first == sorted(best_first, reverse=True)
    button.send_keys(Keys.ENTER)
    assert heads[column].get_attribute("aria-sort") == "ascending"
    assert texts(page, cells) == best_first[::-1]
    student = heads[names.index("student")]
    student.find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert heads[column].get_attribute("aria-sort") is None
    assert texts(page, f"#results tbody td:nth-child({names.index('student') + 1})") == [
        *["vgg8"] * 2,
        *["wrn_16_2"] * 2,
    ]


def test_a_series_goes_from_all_charts_and_comes_back(show, sweep):
    page = show(sweep)
    click(page, "#means .key")
    assert [
        key.get_attribute("aria-pressed") for key in page.find_elements(By.CSS_SELECTOR, ".key")
    ] == [
        "false",
        "true",
    ] * 3
    assert count(page, "#means .seed") == 6
    assert count(page, "#curves .band") == 2
    for place in ("#curves", "#front"):
        click(page, f"{place} .key:last-of-type")
        click(page, f"{place} .key:last-of-type")
    click(page, "#front .key")
    assert count(page, "#means .seed") == 12


def test_another_measure_and_another_cost_can_be_chosen(show, sweep):
    page = show(sweep)
    ticks = texts(page, "#curves figure text")
    Select(page.find_element(By.CSS_SELECTOR, "#curves select")).select_by_visible_text("loss")
    assert texts(page, "#curves figure text") != ticks
    Select(page.find_element(By.CSS_SELECTOR, "#front select")).select_by_visible_text("latency_ms")
    assert any(text.startswith("latency_ms") for text in texts(page, "#front figure text"))


@pytest.mark.parametrize("screen", SCREENS)
def test_a_run_opens_its_files_and_what_differs(show, sweep, screen):
    page = show(sweep, screen=screen)
    run = page.find_elements(By.CSS_SELECTOR, "#runs .run")[-1]
    bring(page, run)
    run.send_keys(Keys.ENTER)
    assert run.get_attribute("aria-expanded") == "true"
    links = page.find_elements(By.CSS_SELECTOR, ".detail a")
    assert [link.text for link in links][:2] == ["folder", "record.json"]
    for link in links:
        assert Path(unquote(urlparse(link.get_attribute("href")).path)).exists()
    told = dict(
        zip(
            texts(page, ".inside tbody td:nth-child(1)"),
            texts(page, ".inside tbody td:nth-child(2)"),
            strict=False,
        )
    )
    assert told["student.name"] == "wrn_16_2"
    click(page, ".detail button")
    assert "every other run" in page.find_element(By.CSS_SELECTOR, ".detail").text
    run.click()
    assert count(page, ".detail") == 0


def test_runs_are_found_by_words(show, sweep):
    page = show(sweep)
    page.find_element(By.TAG_NAME, "input").send_keys("failed at")
    assert count(page, "#runs tbody tr") == 2
    assert "2 of 14 runs" in texts(page, "#runs [role=status]")


def test_pointing_at_a_mark_tells_its_numbers(show, sweep):
    page = show(sweep)
    mark = page.find_element(By.CSS_SELECTOR, "#front figure .mark")
    bring(page, mark)
    webdriver.ActionChains(page).move_to_element(mark).perform()
    told = page.find_element(By.ID, "tip").text
    assert "95 % interval" in told
    assert "student_params" in told
    webdriver.ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not page.find_element(By.ID, "tip").is_displayed()


def test_pointing_at_a_curve_tells_every_series_there(show, sweep):
    page = show(sweep)
    panel = page.find_element(By.CSS_SELECTOR, "#curves .hit")
    bring(page, panel)
    webdriver.ActionChains(page).move_to_element(panel).perform()
    told = page.find_element(By.ID, "tip").text.splitlines()
    assert told[0] in ("epoch 4", "epoch 5")
    assert {line.split()[0] for line in told[1:]} == {"kd", "dkd"}


@pytest.mark.parametrize("screen", SCREENS)
def test_an_attack_is_only_text(show, tmp_path, screen):
    runs = [record(s, loss=loss, student=EVIL) for s in (0, 1) for loss in (EVIL, "kd")]
    runs.append(record(2, student=EVIL, error=EVIL))
    for index, one in enumerate(runs):
        one["run_id"] = f"javascript:alert({index})<b>&\"'"
        one["config"]["</script>"] = {"<i>": EVIL * (1 + index % 2)}
    save(tmp_path / "evil", *runs, epochs=3)
    page = show(tmp_path / "evil", screen=screen)
    page.execute_script("document.querySelectorAll('main button').forEach((b) => b.click())")
    assert page.title == "evil"
    assert count(page, "img, i, b, main script") == 0
    assert " ".join(EVIL.split()) in texts(page, ".error pre")
    assert page.execute_script("return document.documentElement.scrollWidth") <= SCREENS[screen][0]
    schemes = {
        urlparse(a.get_attribute("href")).scheme for a in page.find_elements(By.TAG_NAME, "a")
    }
    assert schemes == {"file"}


CONTRAST = """
const style = getComputedStyle(document.documentElement);
const light = (name) => {
  const hex = style.getPropertyValue(name).trim().replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
  const parts = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);
  const [r, g, b] = parts.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const paper = light("--paper");
return arguments[0].map((name) => {
  const [low, high] = [light(name), paper].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
});
"""


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_contrasts_are_those_of_wcag(show, sweep, mode):
    page = show(sweep)
    feature = {"name": "prefers-color-scheme", "value": mode}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    texts_, marks = (
        ["--ink", "--soft", "--accent", "--bad", "--good"],
        [f"--c{i}" for i in range(8)],
    )
    assert min(page.execute_script(CONTRAST, texts_)) >= 4.5
    assert min(page.execute_script(CONTRAST, marks)) >= 3
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_printed_page_has_no_controls(show, sweep):
    page = show(sweep)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not page.find_element(By.ID, "nav").is_displayed()
    assert page.find_element(By.CSS_SELECTOR, "#means svg").is_displayed()
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("screen", SCREENS)
def test_a_search_of_many_runs_is_threads_through_its_settings(show, tmp_path, screen):
    runs = (
        record(0, 0.9 - abs(i - 30) / 1000, optimizer__lr=0.001 * (i + 1), train__x=i % 4)
        for i in range(80)
    )
    save(tmp_path, *runs)
    page = show(tmp_path, screen=screen)
    assert count(page, "#settings .thread") == 80
    assert count(page, "#front figure .mark") == 80
    assert count(page, "#runs tbody tr") == 25
    click(page, "#runs .more")
    assert count(page, "#runs tbody tr") == 80
    assert page.execute_script("return document.documentElement.scrollWidth") <= SCREENS[screen][0]


@pytest.mark.parametrize("screen", SCREENS)
def test_failed_runs_alone_and_one_run_alone_are_pages_too(show, tmp_path, screen):
    save(tmp_path / "failed", record(0, error="RuntimeError: boom"))
    save(tmp_path / "one", record(0), epochs=1)
    page = show(tmp_path / "failed", screen=screen)
    assert texts(page, ".error pre") == ["RuntimeError: boom"]
    assert texts(page, "nav a") == ["Failures", "Runs"]
    page = show(tmp_path / "one", screen=screen)
    assert texts(page, "nav a") == ["Results", "Over epochs", "Runs"]
    assert count(page, "#curves .mark") == 1
    assert "null" not in page.find_element(By.TAG_NAME, "body").text
