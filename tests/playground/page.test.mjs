// The built page in a real Chromium, from a file. Run by run.sh. CHROMIUM names the browser; /usr/bin/chromium is Debian's.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import test, { after, before } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const page = new URL("../../host/playground/dist/playground.html", import.meta.url).href;
const pictures = fileURLToPath(new URL("../../host/playground/dist/pictures/", import.meta.url));
const axe = createRequire(import.meta.url).resolve("axe-core");
let browser;

before(async () => {
  await mkdir(pictures, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser.close());

/** Runs with the page open; whatever it complains of, and whatever it asks for beside itself, fails the test. */
async function opened(options, act) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  const tab = await context.newPage();
  const wrong = [];
  tab.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()));
  tab.on("pageerror", (error) => wrong.push(error.message));
  tab.on("request", (request) => request.url() !== page && wrong.push(`asked for ${request.url()}`));
  await tab.goto(page);
  const it = {
    tab,
    rows: tab.getByLabel("Your rows", { exact: true }),
    verdict: tab.locator(".verdict"),
    bodies: tab.locator(".request pre"),
    faults: tab.locator(".faults li"),
    /** The settings as JSON, changed. */
    async settings(change) {
      await tab.getByRole("button", { name: "JSON", exact: true }).click();
      const text = tab.getByLabel("Settings as JSON");
      await text.fill(typeof change === "string" ? change : JSON.stringify({ ...JSON.parse(await text.inputValue()), ...change }));
    },
  };
  await act(it);
  await context.close();
  assert.deepEqual(wrong, []);
}

/** Waits until the place says so: a file is read, and the page drawn, in their own time. */
async function shows(place, pattern) {
  for (const patience = Date.now() + 20_000; ; await setTimeout(20)) {
    const text = await place.innerText();
    if (pattern.test(text)) return;
    if (Date.now() > patience) assert.match(text, pattern);
  }
}

/** What is laid out for reading, without the blanks between: JSON's, and none within a text. */
const compact = (text) => text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");

test("the profiles of the examples are shown as they would be sent", () =>
  opened({}, async ({ tab, verdict, bodies }) => {
    await shows(verdict, /300 records in 1 request, 90\.\d kB\n+300 rows read/);
    await shows(tab.locator(".request h3"), /PUT \/v2\/customer_profiles\?silent=yes/);
    await bodies.getByRole("button", { name: "… 280 more" }).click();
    await shows(bodies, /"integrationId": "011100"/);
    const body = JSON.parse(await bodies.innerText());
    assert.equal(body.customerProfiles.length, 300);
    assert.equal(body.customerProfiles[0].attributes.loyalty_tier, "bronze");
  }));

test("rows that are pasted are mapped by name, and their digits stay as they are", () =>
  opened({}, async ({ tab, rows, bodies, verdict }) => {
    await rows.fill('user_id;E-Mail;points;active\n007;ada@example.com;1.10;yes\n"a ""b""";;;\nZoë;z@example.com;9007199254740993;no\n');
    await shows(verdict, /3 records in 1 request/);
    assert.equal(
      compact(await bodies.innerText()),
      '{"customerProfiles":[{"integrationId":"007","attributes":{"E_Mail":"ada@example.com","points":1.10,"active":true}},' +
        '{"integrationId":"a \\"b\\"","attributes":{}},' +
        '{"integrationId":"Zoë","attributes":{"E_Mail":"z@example.com","points":9007199254740993,"active":false}}]}',
    );
    await tab.getByLabel("field of column E-Mail").fill("email");
    await shows(bodies, /"email": "ada@example.com"/);
  }));

test("a row that can't be mapped is named with its reason, and the others go on", () =>
  opened({}, async ({ tab, rows, faults, verdict }) => {
    await rows.fill("id,points\n1,10\n2,many\n,3\n");
    await tab.getByLabel("type of column points").selectOption("number");
    await shows(verdict, /1 record in 1 request.*3 rows read · 2 rows refused/s);
    await shows(faults.nth(0), /row 2\s+column "points": "many" is not a number/);
    await shows(faults.nth(1), /row 3\s+.*integration/);
  }));

test("faults of the settings are listed with their place, and nothing is shown as sent", () =>
  opened({}, async ({ settings, faults, verdict, bodies }) => {
    await settings({ batch_size: 5000, object_typ: 1 });
    await shows(verdict, /2 faults in the settings/);
    const said = await faults.allInnerTexts();
    assert.ok(said.some((text) => text.startsWith("batch_size")) && said.some((text) => text.startsWith("object_typ")), said);
    assert.equal(await bodies.count(), 0);
    await settings("{");
    await shows(faults.first(), /not valid JSON/);
  }));

test("rows that can't be read say where", () =>
  opened({}, async ({ rows, verdict }) => {
    await rows.fill("id,name\n1,Ada\n2\n");
    await shows(verdict, /row 2 has 1 cells: the first line names 2 columns/);
    await rows.fill("id,id\n1,2\n");
    await shows(verdict, /column "id" stands twice/);
  }));

test("a mapped column that the rows lack is told, not taken for empty", () =>
  opened({}, async ({ rows, verdict, settings }) => {
    await settings({ mappings: [{ source: "id", destination: "integration_id" }, { source: "tier", destination: "loyalty_tier" }] });
    await rows.fill("id\n1\n");
    await shows(verdict, /don't fit the settings.*tier/s);
  }));

test("a mirror shows who comes and who goes", () =>
  opened({}, async ({ tab, verdict, bodies }) => {
    await tab.getByRole("button", { name: "Mirrored audience" }).click();
    await shows(verdict, /21 records in 2 requests.*116 rows read · 104 members unchanged · 9 members removed/s);
    const [added, removed] = (await bodies.allInnerTexts()).map((text) => JSON.parse(text).data.map(({ action }) => action));
    assert.deepEqual([added.length, new Set(added)], [12, new Set(["add"])]);
    assert.deepEqual([removed.length, new Set(removed)], [9, new Set(["delete"])]);
    await tab.getByLabel("Rows of the last sync", { exact: true }).fill("");
    await shows(verdict, /116 records in 1 request/);
  }));

test("the form and the JSON are one", () =>
  opened({}, async ({ tab, settings, bodies }) => {
    await tab.getByLabel("Object type").selectOption("customer_profile_audiences");
    await tab.getByLabel("Sync mode").selectOption("remove");
    await tab.getByLabel("Audience ID").fill("7");
    await shows(bodies, /"action": "delete", "profileIntegrationId": "000037", "audienceId": 7}/);
    await settings({ integration_id_prefix: "app1_" });
    await tab.getByRole("button", { name: "Form" }).click();
    assert.equal(await tab.getByLabel("Integration ID prefix").inputValue(), "app1_");
    await shows(bodies, /"app1_000037"/);
  }));

test("a file is opened, a long one too, and cut into requests", () =>
  opened({}, async ({ tab, verdict }) => {
    const lines = Array.from({ length: 20_500 }, (_, at) => `${at},user${at}@example.com`);
    const file = { name: "rows.csv", mimeType: "text/csv", buffer: Buffer.from(`\uFEFFid,email\n${lines.join("\n")}\n`) };
    await tab.getByLabel("Open a file").setInputFiles(file);
    await shows(verdict, /20,500 records in 21 requests/);
    await shows(tab.locator("#rows-hint"), /The beginning is shown; all rows are used/);
    await tab.getByRole("button", { name: "18 more requests" }).click();
    assert.equal(await tab.locator(".request").count(), 13);
  }));

test("what is copied as sync.toml is a sync, and holds no key", () =>
  opened({ permissions: ["clipboard-read", "clipboard-write"] }, async ({ tab }) => {
    await tab.getByRole("button", { name: "Copy as sync.toml" }).click();
    await tab.getByRole("button", { name: "Copied" }).waitFor();
    const text = await tab.evaluate(() => navigator.clipboard.readText());
    assert.match(text, /api_key = "\$\{TALON_ONE_API_KEY\}"/);
    assert.match(text, /\[\[destination\.mappings\]\]\nsource = "customer_id"\ndestination = "integration_id"/);
    assert.match(text, /\[source\]\ntype = "csv"/);
  }));

test("the page's policy lets nothing out", () =>
  opened({}, async ({ tab }) => {
    const outcome = await tab.evaluate(() => fetch("http://127.0.0.1:9/").then(() => "sent", (error) => error.name)).catch((error) => error);
    assert.equal(outcome, "TypeError");
  }).then(
    () => assert.fail("the browser did not say that it refused"),
    (error) => assert.match(String(error.actual), /Content Security Policy/),
  ));

for (const [name, options] of Object.entries({
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 } },
})) {
  test(`${name}: nothing hangs over, and everybody can use it`, () =>
    opened({ ...options, bypassCSP: true }, async ({ tab, rows }) => {
      await tab.getByRole("button", { name: "Mirrored audience" }).click();
      await tab.screenshot({ path: `${pictures}audience-${name}.png`, fullPage: true });
      await tab.getByRole("button", { name: "Profiles" }).click();
      await rows.fill("id,points\n1,10\n2,many\n");
      await tab.getByLabel("type of column points").selectOption("number");
      await tab.screenshot({ path: `${pictures}${name}.png`, fullPage: true });
      const { wide, width } = await tab.evaluate(() => ({ wide: document.documentElement.scrollWidth, width: innerWidth }));
      assert.ok(wide <= width, `${wide} pixels on ${width}`);
      await tab.evaluate(await readFile(axe, "utf8"));
      const { violations } = await tab.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 120))]), []);
    }));
}
