import path from 'node:path';

import type { Finding, ProjectFile } from './project-files.ts';

/** Relative links of the pages that lead nowhere: no such file or folder, or no such heading. */
export function findBrokenLinks(files: readonly ProjectFile[]): readonly Finding[] {
  const pages = new Map(files.filter(isPage).map((page) => [page.path, headingsOf(page.text)]));
  const places = new Set(files.flatMap((file) => withFolders(file.path)));
  const findings: Finding[] = [];
  for (const page of files.filter(isPage)) {
    for (const { target, line } of linksIn(page.text)) {
      const [place = '', heading] = target.split('#');
      const resolved = place === '' ? page.path : placeOf(page.path, place);
      const hasPlace = places.has(resolved);
      const hasHeading = heading === undefined || pages.get(resolved)?.has(heading) !== false;
      if (hasPlace && hasHeading) continue;
      const missing = hasPlace ? `heading "#${heading}"` : `"${resolved}"`;
      findings.push({ path: page.path, line, message: `The link leads nowhere: no ${missing}.` });
    }
  }
  return findings;
}

function isPage(file: ProjectFile): boolean {
  return file.path.endsWith('.md');
}

function placeOf(from: string, target: string): string {
  const joined = path.posix.join(path.posix.dirname(from), decodeURI(target));
  return joined.replace(/\/$/, '');
}

/** The path itself, and every folder on the way to it. */
function withFolders(filePath: string): readonly string[] {
  const parts = filePath.split('/');
  return ['.', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

type Link = { readonly target: string; readonly line: number };

/** The links outside code that do not name another site. */
function linksIn(text: string): readonly Link[] {
  const links: Link[] = [];
  for (const { prose, line } of proseLines(text)) {
    const inline = prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g);
    const definition = prose.matchAll(/^\s*\[[^\]]+\]:\s*(\S+)/g);
    for (const [, target = ''] of [...inline, ...definition]) {
      if (!/^[a-z][a-z+.-]*:/i.test(target)) links.push({ target, line });
    }
  }
  return links;
}

/** The anchors that the headings of a page get. */
function headingsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { prose } of proseLines(text)) {
    const title = /^#{1,6}\s+(.*?)\s*#*$/.exec(prose)?.[1];
    if (title === undefined) continue;
    const kept = title.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '');
    const anchor = kept.replaceAll(/\s/g, '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

function proseLines(text: string): readonly { readonly prose: string; readonly line: number }[] {
  const lines: { prose: string; line: number }[] = [];
  let isCode = false;
  for (const [index, whole] of text.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(whole)) isCode = !isCode;
    else if (!isCode)
      lines.push({
        prose: whole.replaceAll(/`[^`]*`/g, (c) => c.replaceAll(/[()[\]]/g, '')),
        line: index + 1,
      });
  }
  return lines;
}
