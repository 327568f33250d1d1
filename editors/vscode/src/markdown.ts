// Markdown of a model as harmless HTML: no HTML of its own, no pictures, and links to the web only.
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import typescript from 'highlight.js/lib/languages/typescript';
import MarkdownIt from 'markdown-it';

hljs.registerLanguage('bash', bash);
hljs.registerLanguage('json', json);
hljs.registerLanguage('python', python);
hljs.registerLanguage('typescript', typescript);

const markdown = new MarkdownIt({
  html: false,
  linkify: false,
  highlight: (code, language): string =>
    hljs.getLanguage(language) ? hljs.highlight(code, { language, ignoreIllegals: true }).value : '',
}).disable('image');

markdown.validateLink = (url): boolean => /^https?:\/\//i.test(url.trim());

/** The HTML of a Markdown text, also of one that is cut off in the middle. */
export function render(text: string): string {
  return markdown.render(text);
}
