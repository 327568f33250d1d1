// A browser on a leash: one JSON object a line at stdin, `{op, ...}`; one a line back, `{value}` or `{error}`.
// Usage: node browser.mjs FOLDER_WITH_NODE_MODULES CHROMIUM
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [folder, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(`${folder}/`)('playwright-core');
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});

const SLOW_MS = 60_000;
let context;
let page;
let requests = [];

const operations = {
  async open({ url, width, height }) {
    await context?.close();
    context = await browser.newContext({ viewport: { width, height }, permissions: ['clipboard-read', 'clipboard-write'] });
    requests = [];
    context.on('request', (request) => requests.push(request.url()));
    page = await context.newPage();
    page.setDefaultTimeout(SLOW_MS);
    // The workbench asks before its window is closed.
    page.on('dialog', (dialog) => dialog.accept());
    await page.goto(url, { waitUntil: 'domcontentloaded', timeout: SLOW_MS });
  },
  async close() {
    await context?.close();
    context = undefined;
  },
  evaluate: ({ script }) => page.evaluate(script),
  press: ({ key }) => page.keyboard.press(key),
  type: ({ text, delay }) => page.keyboard.type(text, { delay }),
  click: ({ selector, text, button }) =>
    page.locator(selector, text ? { hasText: text } : {}).first().click({ button: button ?? 'left' }),
  hover: ({ selector }) => page.locator(selector).first().hover(),
  screenshot: ({ path, clip }) => page.screenshot({ path, ...(clip && { clip }), animations: 'disabled', caret: 'initial' }).then(() => path),
  requests: () => requests,
  // Webviews are frames in frames; the innermost has the text.
  async inFrames({ script }) {
    const found = await Promise.all(page.frames().map((frame) => frame.evaluate(script).catch(() => null)));
    return found.filter((each) => each !== null && each !== undefined);
  },
  clipboard: () => page.evaluate(() => navigator.clipboard.readText()),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await operations[op](rest)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
