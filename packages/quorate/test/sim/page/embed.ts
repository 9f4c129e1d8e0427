/** Text as the content of an element or the value of an attribute in quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/**
 * JSON as the content of a script element. Whatever is in the strings, no `<` is in the text, so
 * that neither the element nor a comment can end or begin in it.
 */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', String.raw`\u003c`);
}
