import { Argument, type Command } from 'commander';

import type { CliContext } from './context.ts';
import { print } from './output.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** What can stand behind some words: commands and flags. */
interface Place {
  /** The commands up to here, as `lease grant`; empty for the program. */
  readonly path: string;
  readonly commands: readonly Choice[];
  readonly flags: readonly FlagChoice[];
}

interface Choice {
  readonly name: string;
  readonly means: string;
}

interface FlagChoice extends Choice {
  /** Whether a value stands behind it; a path is one as well. */
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

export function addCompletionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .summary('print a script that completes commands and flags')
    .description('Prints a script by which a shell completes the commands and flags of quorate.')
    .addArgument(new Argument('<shell>', 'whose script').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(quorate completion bash)
  $ quorate completion zsh > "\${fpath[1]}/_quorate"
  $ quorate completion fish > ~/.config/fish/completions/quorate.fish`,
    )
    .action(async (shell: Shell) => {
      const serve = await flagsOfServe();
      const places = placesOf(program, '').map((place) =>
        place.path === 'serve' ? { ...place, flags: serve } : place,
      );
      await print(context, scripts[shell](places));
    });
}

const scripts: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** The program, and all commands in it. */
function placesOf(command: Command, path: string): readonly Place[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).map((one) => ({
    name: one.name(),
    means: oneLine(help.subcommandDescription(one)),
  }));
  const flags = help.visibleOptions(command).flatMap((option) => {
    const { long, description, required, argChoices = [] } = option;
    if (typeof long !== 'string') return [];
    const flag = { name: long, means: oneLine(description), choices: argChoices };
    return [{ ...flag, takesValue: required }];
  });
  const inner = command.commands.flatMap((one) => placesOf(one, `${path} ${one.name()}`.trim()));
  return [{ path, commands, flags }, ...inner];
}

/** It reads its flags itself. */
async function flagsOfServe(): Promise<readonly FlagChoice[]> {
  const { options } = await import('../server/config/options.ts');
  const own = options.flatMap(({ flag, means }) =>
    flag === undefined ? [] : [{ name: `--${flag.name}`, means: oneLine(means) }],
  );
  const others = [
    { name: '--config', means: 'read options from a file' },
    { name: '--set', means: 'set any option by its name' },
  ];
  const takingValues = [...own, ...others].map((one) => ({
    ...one,
    takesValue: true,
    choices: [],
  }));
  return [...takingValues, { name: '--help', means: 'print help', takesValue: false, choices: [] }];
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function namesOf(choices: readonly Choice[]): string {
  return choices.map(({ name }) => name).join(' ');
}

/** Flags behind which a value stands, of all commands. */
function valueFlags(places: readonly Place[]): readonly string[] {
  const names = places.flatMap(({ flags }) => flags.filter((flag) => flag.takesValue));
  return [...new Set(names.map(({ name }) => name))].sort();
}

/** In bash and in zsh alike: which command the words so far have named. */
function pathFinder(places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `"${path}"`);
  return `case "\${place:+$place }$word" in
        ${paths.join(' | ')}) place="\${place:+$place }$word" ;;
      esac`;
}

function bashScript(places: readonly Place[]): string {
  const cases = places.map(
    ({ path, commands, flags }) =>
      `    "${path}") words="${[namesOf(commands), namesOf(flags)].join(' ').trim()}" ;;`,
  );
  const choices = choiceCases(places, (names) => `words="${names}"`);
  return `# Completion of quorate in bash: source <(quorate completion bash)
_quorate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local place="" words="" word at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at += 1)); do
    word="\${COMP_WORDS[at]}"
    # Behind -- stands the command of somebody else.
    if [[ $word == -- ]]; then return; fi
    if [[ $word != -* ]]; then
      ${pathFinder(places)}
    fi
  done
  case "$before" in
${choices}
    # Most values are files, or nothing that can be known here.
    ${valueFlags(places).join(' | ')}) return ;;
  esac
  if [[ -z $words ]]; then case "$place" in
${cases.join('\n')}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _quorate quorate
`;
}

function choiceCases(places: readonly Place[], set: (names: string) => string): string {
  const found = new Map<string, readonly string[]>();
  for (const { flags } of places) {
    for (const { name, choices } of flags) if (choices.length > 0) found.set(name, choices);
  }
  return [...found].map(([name, names]) => `    ${name}) ${set(names.join(' '))} ;;`).join('\n');
}

function zshScript(places: readonly Place[]): string {
  const described = ({ name, means }: Choice): string =>
    singleQuoted(`${name.replaceAll(':', '\\:')}:${means}`);
  const cases = places.map(
    ({ path, commands, flags }) =>
      `    "${path}") subcommands=(${commands.map(described).join(' ')})
      flags=(${flags.map(described).join(' ')}) ;;`,
  );
  return `#compdef quorate
# Completion of quorate in zsh: put it as _quorate into a folder of $fpath.
_quorate() {
  local place="" word before="\${words[CURRENT-1]}"
  local -a subcommands flags
  integer at
  for ((at = 2; at < CURRENT; at += 1)); do
    word="\${words[at]}"
    if [[ $word == -- ]]; then _files; return; fi
    if [[ $word != -* ]]; then
      ${pathFinder(places)}
    fi
  done
  case "$before" in
${choiceCases(places, (names) => `compadd -- ${names}; return`)}
    ${valueFlags(places).join(' | ')}) _files; return ;;
  esac
  case "$place" in
${cases.join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe flag flags
  elif (( \${#subcommands} > 0 )); then
    _describe command subcommands
  else
    _files
  fi
}
if [[ $funcstack[1] == _quorate ]]; then _quorate "$@"; else compdef _quorate quorate; fi
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, flags }) => {
    const start = `complete -c quorate -n "__quorate_is_at '${path}'"`;
    return [
      ...commands.map(
        ({ name, means }) => `${start} -f -a ${singleQuoted(name)} -d ${fishQuoted(means)}`,
      ),
      ...flags.map(({ name, means, takesValue, choices }) => {
        const list = choices.length === 0 ? '' : ` -f -a ${singleQuoted(choices.join(' '))}`;
        const value = takesValue ? ` -r${list}` : '';
        return `${start} -l ${name.slice(2)}${value} -d ${fishQuoted(means)}`;
      }),
    ];
  });
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `# Completion of quorate in fish: put it as quorate.fish into ~/.config/fish/completions.
# Whether the words so far have named this command, and no other one in it.
function __quorate_is_at
    set -l place
    set -l words (commandline -opc)
    for word in $words[2..-1]
        # Behind -- stands the command of somebody else.
        test "$word" = --; and return 1
        set -l next (string join ' ' -- $place $word)
        switch "$next"
            case ${paths.join(' ')}
                set place $next
        end
    end
    test "$place" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In fish a backslash means something in single quotes too. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
