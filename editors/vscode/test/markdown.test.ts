import assert from 'node:assert/strict';
import { test } from 'node:test';

import { render } from '../src/markdown';

test('code is coloured and escaped', () => {
  assert.match(render('```python\nprint("<b>")\n```'), /<span class="hljs-.*&lt;b&gt;/);
  assert.match(render('```unknown\n<b>\n```'), /&lt;b&gt;/);
});

test('a text that is still growing is shown as far as it goes', () => {
  assert.match(render('So:\n\n```python\nx = 1'), /<code/);
});

const HARMFUL = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '![x](http://tracker.example/x.png)',
  '[x](javascript:alert(1))',
  '[x](command:workbench.action.quit)',
  '[x](vscode://extension/command)',
  '[x](file:///etc/passwd)',
  '[x](data:text/html,<script>)',
  '[x]: javascript:alert(1)\n\n[x]',
  '```html"onload="alert(1)\nx\n```',
];

for (const text of HARMFUL) {
  test(`nothing runs or loads: ${text.replaceAll('\n', ' ')}`, () => {
    const html = render(text);
    assert.doesNotMatch(html, /<(script|img|iframe|svg)/);
    assert.doesNotMatch(html, /(href|src)="(?!https?:)/);
    assert.doesNotMatch(html, /<[^>]* on\w+=/);
  });
}
