import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

type Module = { readonly name: string; readonly text: string };

/**
 * One script out of a module and all that it imports, with the types taken out. Each module becomes
 * a function that returns what it exports, so that equal names in two of them do not meet. It knows
 * the forms of import and export that the page uses, and refuses others.
 * @throws if a module is imported that is not a file beside it, or if imports go in a circle.
 */
export function linkModules(entry: URL): string {
  const modules: Module[] = [];
  const names = new Map<string, string>();
  visit(entry, []);
  const texts = modules.map(({ name, text }) => `const ${name} = (() => {\n${text}})();\n`);
  return `'use strict';\n${texts.join('')}`;

  function visit(file: URL, callers: readonly string[]): string {
    const known = names.get(file.href);
    if (known !== undefined) return known;
    if (callers.includes(file.href)) throw new Error(`"${file.href}" imports itself, by others.`);
    const text = linkModule(readFileSync(file, 'utf8'), file.href, (specifier) => {
      return visit(new URL(specifier, file), [...callers, file.href]);
    });
    const name = `module${modules.length + 1}`;
    names.set(file.href, name);
    modules.push({ name, text });
    return name;
  }
}

const importing = /^import \{([^}]*)\} from '([^']*)';$/gm;
const exporting = /^export (?:async )?(?:function|class|const) ([\w$]+)/gm;

function linkModule(source: string, file: string, nameOf: (specifier: string) => string): string {
  const plain = stripTypeScriptTypes(source);
  const exported = [...plain.matchAll(exporting)].map((match) => match[1]);
  const text = plain
    .replace(importing, (_all, list: string, specifier: string) => {
      if (!/^\.\.?\//.test(specifier)) {
        throw new Error(`"${file}" imports "${specifier}"; the page takes files beside it only.`);
      }
      return `const {${list.replaceAll(' as ', ': ')}} = ${nameOf(specifier)};`;
    })
    .replace(exporting, (all) => all.slice('export '.length));
  const left = /^(?:import|export)\b.*/m.exec(text)?.[0];
  if (left !== undefined) throw new Error(`"${file}" has a form that is not linked: ${left}`);
  return `${withoutEmptyLines(text)}return { ${exported.join(', ')} };\n`;
}

/** Types leave blanks behind. A comment of the source may stay: who reads the page may ask why. */
function withoutEmptyLines(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd());
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}
