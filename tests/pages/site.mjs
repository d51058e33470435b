// A dwell with pages and a demo's year in it, and a browser that looks at it.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const binary = process.env.DWELL;
const SECRET = "0123456789abcdef0123456789abcdef";

/** A server in a folder of its own; `flags` are more of its flags. */
export async function serve(...flags) {
  const dir = mkdtempSync(join(tmpdir(), "dwell-pages-"));
  const database = `sqlite://${join(dir, "db")}`;
  const args = ["--listen", "127.0.0.1:0", "--ui", "on", "--database-url", database, "--log", "warn"];
  const server = spawn(binary, [...args, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(server.stdout)) {
    const address = line.match(/^listening on (.*)$/)?.[1];
    if (address) {
      return {
        root: `http://${address}`,
        stop() {
          server.kill("SIGKILL");
          rmSync(dir, { recursive: true });
        },
      };
    }
  }
  throw new Error("the server did not begin to listen");
}

/** A server that asks for tokens, and a token of an administrator. */
export async function serveTokens() {
  const dir = mkdtempSync(join(tmpdir(), "dwell-pages-"));
  const file = join(dir, "secret");
  writeFileSync(file, SECRET);
  const site = await serve("--auth", "jwt", "--jwt-secret-file", file);
  const tenant = "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11";
  const args = ["token", "--jwt-secret-file", file, "--tenant", tenant, "--role", "admin"];
  const token = execFileSync(binary, args, { encoding: "utf8" }).trim();
  return { ...site, token, stop: () => (site.stop(), rmSync(dir, { recursive: true })) };
}

/** Fills it; returns the first tenant and one of its users. */
export function fill(site) {
  const told = execFileSync(binary, ["demo", "--address", site.root], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const tenant = told.match(/^[0-9a-f-]{36}/m)[0];
  const user = told.match(/"user_id": "([0-9a-f-]{36})"/)[1];
  return { tenant, user };
}

export function browse() {
  const executablePath = process.env.CHROMIUM;
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** Signs in; `token` is a tenant's id where there are no tokens. */
export async function signIn(page, site, token) {
  await page.goto(`${site.root}/ui/sign-in`);
  await page.locator("#token").fill(token);
  await page.locator("#token").press("Enter");
  await page.waitForURL((url) => !url.pathname.endsWith("sign-in"));
}

/** All pages, with what they show of a user. */
export function pages(user) {
  return {
    overview: "/ui/",
    "overview of a year": "/ui/?days=365",
    sessions: "/ui/sessions",
    users: "/ui/users",
    "silent users": "/ui/users?silent=7",
    user: `/ui/users/${user}`,
    "report of a day": `/ui/reports?user_id=${user}&period=day`,
    "report of a week": `/ui/reports?user_id=${user}&period=week`,
    "report of a month": `/ui/reports?user_id=${user}&period=month`,
    "no report": "/ui/reports",
    study: `/ui/study?user_id=${user}`,
    "what is not there": "/ui/none",
  };
}
