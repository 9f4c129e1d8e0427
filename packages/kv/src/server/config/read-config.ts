import path from 'node:path';

import { applyFile } from './file.ts';
import { readCommandLine } from './flags.ts';
import { checkTogether, configOf, type ServeConfig } from './serve-config.ts';
import { Settings } from './settings.ts';

export type ReadConfig =
  | { readonly type: 'run'; readonly config: ServeConfig }
  | { readonly type: 'help' }
  | { readonly type: 'version' }
  /** Everything that is wrong, each with its line or flag. */
  | { readonly type: 'wrong'; readonly problems: readonly string[] };

export interface ConfigSource {
  /** The arguments after `serve`. */
  readonly args: readonly string[];
  /** What paths of flags are relative to; paths of a file are relative to its folder. */
  readonly folder: string;
  /** @throws if it cannot be read. */
  readonly readFile: (file: string) => string;
}

/** Puts together what the file and the flags say. Flags win. */
export function readConfig({ args, folder, readFile }: ConfigSource): ReadConfig {
  const commandLine = readCommandLine(args, { folder });
  if (commandLine.wantsHelp) return { type: 'help' };
  if (commandLine.wantsVersion) return { type: 'version' };
  const settings = new Settings();
  const { file } = commandLine;
  if (file !== undefined) {
    const whole = path.resolve(folder, file);
    const content = contentOf(whole, readFile, settings);
    if (content !== undefined) applyFile(whole, content, settings);
  }
  commandLine.apply(settings);
  checkTogether(settings);
  const { problems } = settings;
  if (problems.length > 0) return { type: 'wrong', problems };
  return { type: 'run', config: configOf(settings) };
}

function contentOf(
  file: string,
  readFile: ConfigSource['readFile'],
  { problems }: Settings,
): string | undefined {
  try {
    return readFile(file);
  } catch (error) {
    problems.push(`--config: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
