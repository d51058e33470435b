// The pictures in the README, of a demo's year: DWELL=... CHROMIUM=... node screenshots.mjs FOLDER
import { join } from "node:path";
import { browse, fill, pages, serve, signIn } from "./site.mjs";

const folder = process.argv[2];
const WIDE = { viewport: { width: 1200, height: 860 } };
const PHONE = { viewport: { width: 390, height: 780 } };
const site = await serve();
const demo = fill(site);
const at = pages(demo.user);
const browser = await browse();
for (const [name, path, look] of [
  ["overview-light", at["overview"], { ...WIDE, colorScheme: "light" }],
  ["user-dark", at["user"], { ...WIDE, colorScheme: "dark" }],
  ["sessions-light", at["sessions"], { ...WIDE, colorScheme: "light" }],
  ["study-phone", at["study"], { ...PHONE, colorScheme: "light" }],
  ["overview-phone-dark", at["overview"], { ...PHONE, colorScheme: "dark" }],
]) {
  const context = await browser.newContext(look);
  const page = await context.newPage();
  await signIn(page, site, demo.tenant);
  await page.goto(site.root + path);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await context.close();
}
await browser.close();
site.stop();
