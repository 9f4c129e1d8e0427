import { drawKnobs, type Knobs } from './knobs.ts';

type Values = Readonly<Record<string, unknown>>;

/** The knobs of a run in which nothing is drawn. */
function benignKnobs(): Knobs {
  return drawKnobs({ choose: () => 0 });
}

/**
 * The knobs as a scenario holds them: those that are not what they would be if nothing were drawn,
 * by name and value, so that the order in which knobs list their values may change.
 */
export function valuesOf(knobs: Knobs): Values {
  return differences({ ...benignKnobs() }, { ...knobs });
}

/**
 * The knobs of a scenario.
 *
 * @throws RangeError if there is no such knob, or if it has another type of value.
 */
export function knobsOf(values: Values): Knobs {
  return completed({ ...benignKnobs() }, values, '') as unknown as Knobs;
}

function differences(benign: Values, values: Values): Values {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const usual = benign[name];
    if (isGroup(value) && isGroup(usual)) {
      const inner = differences(usual, value);
      if (Object.keys(inner).length > 0) found[name] = inner;
    } else if (value !== usual) {
      // JSON has no such number.
      found[name] = value === Infinity ? 'Infinity' : value;
    }
  }
  return found;
}

function completed(benign: Values, values: Values, path: string): Values {
  const whole: Record<string, unknown> = { ...benign };
  for (const [name, value] of Object.entries(values)) {
    const usual = benign[name];
    const known = Object.keys(benign).join(', ');
    if (usual === undefined) {
      throw new RangeError(`There is no knob "${path}${name}". The knobs there are ${known}.`);
    }
    const given = value === 'Infinity' ? Infinity : value;
    if (typeof given !== typeof usual || isGroup(given) !== isGroup(usual)) {
      const wanted = isGroup(usual) ? 'a group of knobs' : `a ${typeof usual}`;
      throw new RangeError(
        `The knob "${path}${name}" must be ${wanted}, not ${JSON.stringify(value)}.`,
      );
    }
    whole[name] =
      isGroup(usual) && isGroup(given) ? completed(usual, given, `${path}${name}.`) : given;
  }
  return whole;
}

function isGroup(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
