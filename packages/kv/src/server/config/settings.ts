import { suggestion } from './nearest.ts';
import { type Option, options } from './options.ts';
import { UnwantedValue, type ValuePlace } from './values.ts';

/** One value that was set, and where. */
export interface Setting {
  readonly value: unknown;
  /** As a message names the place: `--listen`, or `quorate.yaml:4: listen`. */
  readonly place: string;
}

/** What was set, by the names of the options, and everything that is wrong with it. */
export class Settings {
  readonly #settings = new Map<string, Setting>();
  readonly problems: string[] = [];

  get(name: string): Setting | undefined {
    return this.#settings.get(name);
  }

  /** Reads `raw`; what is set later wins. `placeOf` names the place of a part of it. */
  set(
    option: Option,
    raw: unknown,
    {
      placeOf,
      read = option.read,
      ...place
    }: ValuePlace & {
      readonly placeOf: (part: string | undefined) => string;
      readonly read?: Option['read'];
    },
  ): void {
    try {
      this.#settings.set(option.name, { value: read(raw, place), place: placeOf(undefined) });
    } catch (error) {
      if (!(error instanceof UnwantedValue)) throw error;
      const { wanted, came, part } = error;
      this.problems.push(`${placeOf(part)}: wanted ${wanted}; got ${shown(came)}.`);
      // Something was set, so nobody should complain that it is absent.
      this.#settings.set(option.name, { value: undefined, place: placeOf(undefined) });
    }
  }

  unknown(place: string, name: string, known: Iterable<string>): void {
    this.problems.push(`${place}: there is no option "${name}"${suggestion(name, known)}.`);
  }
}

const byName = new Map(options.map((option) => [option.name, option]));

export function optionNamed(name: string): Option | undefined {
  return byName.get(name);
}

export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const json = JSON.stringify(value);
  return json.length <= 80 ? json : `${json.slice(0, 80)}...`;
}
