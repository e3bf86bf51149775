import { COMMANDS, registryRows } from '../../shared/commands/index.ts'

/** The definition file of the command registry, made of the contracts: `drizzle/definitions/commands/data/registry.sql`. */
export function registrySql(): string {
  const rows = Object.entries(registryRows()).map(([code, row]) => `  ${JSON.stringify(code)}: ${JSON.stringify(row).replaceAll('\'', '\'\'')}`)
  return `-- requires: fn_dot_commands_register, ${COMMANDS.map(({ code }) => code).join(', ')}
-- Written by \`iu db draft\` from shared/commands; edit the contracts.
SELECT iu_core.fn_dot_commands_register('{
${rows.join(',\n')}
}');
`
}
