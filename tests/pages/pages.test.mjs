// Each page in Chromium: no error, nothing that keeps anybody out, and what can be done on them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import { browse, fill, pages, serve, serveTokens, signIn } from "./site.mjs";

const LOOKS = {
  "light, wide": { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  "dark, wide": { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  "light, phone": { colorScheme: "light", viewport: { width: 375, height: 740 } },
  "dark, phone": { colorScheme: "dark", viewport: { width: 375, height: 740 } },
};

let site, demo, browser;

before(async () => {
  site = await serve();
  demo = fill(site);
  browser = await browse();
});
after(async () => {
  await browser?.close();
  site?.stop();
});

/** A page of somebody who is signed in, and what its console complained of. */
async function open(look = {}) {
  const context = await browser.newContext(look);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await signIn(page, site, demo.tenant);
  return { page, complaints };
}

async function findings(page) {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3)}`);
}

for (const [look, options] of Object.entries(LOOKS)) {
  test(`each page, ${look}`, async () => {
    const { page, complaints } = await open(options);
    for (const [name, path] of Object.entries(pages(demo.user))) {
      const answer = await page.goto(site.root + path);
      assert.equal(answer.status(), path === "/ui/none" ? 404 : 200, name);
      assert.deepEqual(await findings(page), [], name);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wider <= 0, `${name} is ${wider} px wider than the window`);
    }
    await page.goto(`${site.root}/ui/sessions`);
    await page.locator("tbody th a").first().click();
    await page.waitForURL(/sessions\//);
    assert.deepEqual(await findings(page), [], "session");
    // The browser says so itself of the page that is not there.
    assert.deepEqual(complaints.filter((text) => !text.includes("404")), []);
    await page.context().close();
  });
}

test("what is signed in with is looked at", async () => {
  const guarded = await serveTokens();
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${guarded.root}/ui/`);
  await page.getByLabel("Token").fill("not.a.token");
  await page.getByRole("button", { name: "Sign in" }).click();
  assert.match(await page.getByRole("alert").textContent(), /Not signed in/);
  assert.deepEqual(await findings(page), []);
  await signIn(page, guarded, guarded.token);
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  const [cookie] = await context.cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor();
  assert.deepEqual(await context.cookies(), []);
  await context.close();
  guarded.stop();
});

test("sessions are filtered", async () => {
  const { page } = await open();
  await page.goto(`${site.root}/ui/sessions`);
  await page.getByLabel("State").selectOption("ended");
  await page.getByLabel("Client").selectOption("mobile");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/state=ended/);
  const clients = await page.locator("tbody tr td:nth-child(4)").allTextContents();
  assert.ok(clients.length > 10 && clients.every((client) => client === "mobile"), `${clients}`);
  await page.getByRole("link", { name: "Next page" }).click();
  await page.waitForURL(/page=/);
  assert.equal(await page.getByLabel("State").inputValue(), "ended");
  await page.context().close();
});

test("a session is revoked", async () => {
  const { page } = await open();
  await page.goto(`${site.root}/ui/sessions?state=open`);
  await page.locator("tbody th a").first().click();
  await page.getByText("Revoke this session").click();
  await page.getByRole("button", { name: "End it now" }).click();
  await page.locator(".badge", { hasText: "revoked" }).waitFor();
  assert.equal(await page.getByText("Revoke this session").count(), 0);
  await page.context().close();
});

test("what is open now is kept fresh, until it is paused", async () => {
  const { page } = await open();
  await page.goto(`${site.root}/ui/`);
  const answer = await page.waitForResponse(/\/ui\/live$/);
  assert.equal(answer.status(), 200);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Go on" }).waitFor();
  await page.context().close();
});

test("what is open now fits beside its chart", async () => {
  for (const width of [1024, 1200, 1280]) {
    const { page } = await open({ viewport: { width, height: 900 } });
    await page.goto(`${site.root}/ui/`);
    const table = page.getByRole("region", { name: "The latest open sessions" });
    assert.ok((await table.getByRole("row").count()) > 1);
    const hidden = await table.evaluate((region) => region.scrollWidth - region.clientWidth);
    assert.ok(hidden <= 0, `${hidden} px of it need a scroll at ${width} px`);
    await page.context().close();
  }
});

test("the keyboard is enough", async () => {
  const { page } = await open();
  await page.goto(`${site.root}/ui/`);
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await page.goto(`${site.root}/ui/`);
  for (const expected of ["Skip to the content", "dwell", "Overview", "Sessions"]) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), expected);
  }
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sessions", level: 1 }).waitFor();
  await page.context().close();
});

test("scripts are not needed", async () => {
  const { page } = await open({ javaScriptEnabled: false });
  await page.goto(`${site.root}/ui/`);
  assert.ok((await page.locator("svg .column").count()) > 30);
  assert.equal(await page.getByRole("link", { name: "Reload" }).count(), 1);
  await page.locator("summary", { hasText: "Active users by day as a table" }).click();
  assert.ok(await page.getByRole("table").first().isVisible());
  await page.context().close();
});

test("reports are printed without what is around them", async () => {
  const { page } = await open();
  await page.goto(`${site.root}/ui/reports?user_id=${demo.user}&period=month`);
  await page.emulateMedia({ media: "print" });
  assert.ok(await page.getByRole("heading", { name: "In figures" }).isVisible());
  for (const hidden of ["header.top", "form.inline", "[data-print]"]) {
    assert.ok(await page.locator(hidden).isHidden(), hidden);
  }
  await page.context().close();
});
