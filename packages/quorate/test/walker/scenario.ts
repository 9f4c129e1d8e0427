import type { ScenarioEnd, WalkScenario } from '../scenarios/scenario-file.ts';
import { scenarioVersion } from '../scenarios/scenario-file.ts';
import { deedText, parseDeed } from './deed.ts';
import { type Played, play } from './player.ts';
import { plainSetup, type Script, type Setup } from './script.ts';
import type { Tracer } from './trace.ts';
import { logText } from './trace.ts';
import type { Violation } from './violation.ts';
import type { CoreModule, World } from './world.ts';

/** What a scenario came to. */
export interface Replayed {
  readonly violation: Violation | undefined;
  readonly end: ScenarioEnd;
}

/** @throws RangeError if the scenario tells of something unknown. */
export function replay(
  module: CoreModule,
  scenario: WalkScenario,
  options: { readonly tracer?: Tracer } = {},
): Replayed {
  const played = play(module, scriptOfScenario(scenario), options);
  return { violation: played.violation, end: endOf(played) };
}

export function scenarioOf(
  script: Script,
  about: Pick<WalkScenario, 'name' | 'shows' | 'code'> & {
    readonly plantedBug?: string | undefined;
  },
): WalkScenario {
  const { name, shows, code, plantedBug } = about;
  const setup: Record<string, unknown> = {};
  for (const key of Object.keys(plainSetup) as (keyof Setup)[]) {
    const value = script.setup[key];
    if (JSON.stringify(value) !== JSON.stringify(plainSetup[key])) setup[key] = value;
  }
  const steps = script.deeds.map(deedText);
  const head = { name, shows, version: scenarioVersion, tier: 0, code } as const;
  return { ...head, ...(plantedBug === undefined ? {} : { plantedBug }), setup, steps };
}

/** What is wrong with how it ended, or `undefined` if it ended as the file says. */
export function complaintAbout(
  scenario: WalkScenario,
  { violation, end }: Replayed,
): string | undefined {
  const { name } = scenario;
  if (violation !== undefined) return `${name} violates ${violation.code}: ${violation.message}`;
  const text = JSON.stringify(end);
  if (scenario.end === undefined) {
    return `${name} has no "end" yet. Today it ends with ${text}; --accept writes that.`;
  }
  if (JSON.stringify(scenario.end) === text) return undefined;
  return (
    `${name} must end with ${JSON.stringify(scenario.end)}, and ends with ${text}. See with ` +
    `--trace whether that is right, and let --accept write it.`
  );
}

function scriptOfScenario({ name, setup, steps }: WalkScenario): Script {
  for (const [key, value] of Object.entries(setup)) {
    const plain = plainSetup[key as keyof Setup] as unknown;
    if (plain === undefined) throw new RangeError(`${name}: the setup has no "${key}".`);
    if (typeof plain !== typeof value || Array.isArray(plain) !== Array.isArray(value)) {
      throw new RangeError(`${name}: "${key}" must be like ${JSON.stringify(plain)}.`);
    }
  }
  return { setup: { ...plainSetup, ...setup }, deeds: steps.map(parseDeed) };
}

function endOf({ skipped, world }: Played): ScenarioEnd {
  const nodes = world === undefined ? [] : linesOf(world);
  return { skipped: skipped.map((place) => place + 1), nodes };
}

/** How each node is now, in one line. */
function linesOf({ nodes }: World): string[] {
  return nodes.map((node) => {
    const log = logText(node.log);
    if (!node.isUp) return `${node.id} down, log ${log}`;
    const { role, term, committed } = node.state;
    return `${node.id} ${role} t${term}, log ${log}, committed ${committed}, applied ${node.applied}`;
  });
}
