import { ACCOUNTS } from './accounts.ts'
import { COLLECTIONS } from './collections.ts'
import { CONFORMANCE } from './conformance.ts'
import { bodiesOf, type CommandContract, paramSchema } from './contract.ts'
import { DELIVERY } from './delivery.ts'
import { GATES } from './gates.ts'
import { PIECES } from './pieces.ts'
import { REGISTRY } from './registry.ts'
import { RETENTION } from './retention.ts'

/** Every command there is; a house test holds this list, the database's registry and its handlers together. */
export const COMMANDS: readonly CommandContract[] = [...PIECES, ...COLLECTIONS, ...DELIVERY, ...RETENTION, ...GATES, ...CONFORMANCE, ...REGISTRY, ...ACCOUNTS]

const byCode = new Map(COMMANDS.map(contract => [contract.code as string, contract]))
export const findCommand = (code: string): CommandContract | undefined => byCode.get(code)

/** The rows of the database's registry, as `fn_dot_commands_register` takes them. */
export function registryRows(): Record<string, unknown> {
  return Object.fromEntries(COMMANDS.map(contract => [contract.code, {
    area: contract.area, tier: contract.tier, required_right: contract.right, gates: contract.gates,
    reason_required: contract.tier > 1 || contract.reason === true, ...(contract.confirm ? { confirm_param: contract.confirm } : {}),
    body_params: bodiesOf(contract).filter(name => !contract.secrets?.includes(name)), secret_params: contract.secrets ?? [], param_schema: paramSchema(contract), description: contract.description,
  }]))
}
