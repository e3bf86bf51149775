import { and, arrayContains, asc, desc, eq, gt, lt, sql } from 'drizzle-orm'
import { gate } from '../../../drizzle/schema/health.ts'
import { account, apiToken, commandRegistry, commandRun, commandRunHealth, disableLadder } from '../../../drizzle/schema/operations.ts'
import { outboundRoute } from '../../../drizzle/schema/routing.ts'
import { findCommand } from '../../../shared/commands/index.ts'
import { paramSchema, type Right } from '../../../shared/commands/contract.ts'
import type { Accounts } from '../../../shared/read-models/accounts.ts'
import type { CommandContractView } from '../../../shared/read-models/command-contract.ts'
import type { Commands } from '../../../shared/read-models/commands.ts'
import type { Gates } from '../../../shared/read-models/gates.ts'
import type { Ledger, LedgerQuery, LedgerRun } from '../../../shared/read-models/ledger.ts'
import type { Session } from '../../../shared/read-models/session.ts'
import type { Snapshot } from '../client.ts'
import type { Who } from '../functions/session.ts'
import { byLadder, readShell } from './health.ts'
import { boundedCount, keysetPage } from './keyset.ts'
import { notFound } from './not-found.ts'

type Read<Answer> = Promise<Omit<Answer, 'asOf'>>

const labelOf = (command: string) => findCommand(command)?.label ?? command

export async function readSession(db: Snapshot, who: Who): Read<Session> {
  const { rows } = await db.execute<{ command_code: string, code: 'forbidden' | 'gate_closed' | null, gate: string | null, why: string | null }>(
    sql`select command_code, code, gate, why from iu_core.fn_dot_command_blocked(${who.right}) order by command_code`)
  const commands = Object.fromEntries(rows.map(({ command_code: command, code, gate: closed, why }) => {
    const { label, tier } = findCommand(command) ?? { label: command, tier: 2 as const }
    return [command, { label, tier, blocked: code === null ? null : { code, gate: closed, why: why ?? '' } }]
  }))
  return { account: who.actor, kind: who.kind, right: who.right, displayName: who.displayName, expiresAt: who.expiresAt.toISOString(), commands }
}

export async function readGates(db: Snapshot): Read<Gates> {
  const ladder = await db.select().from(disableLadder).orderBy(disableLadder.rung)
  const { deliveryMode } = await readShell(db)
  return {
    ladder,
    deliveryMode,
    firstBlocking: ladder.find(({ blocks }) => blocks)?.rung ?? null,
    gates: (await db.select().from(gate)).sort(byLadder),
    routes: await db.select({
      routeId: outboundRoute.routeId, routeCode: outboundRoute.routeCode, eventType: outboundRoute.eventType, targetKind: outboundRoute.targetKind,
      targetRef: outboundRoute.targetRef, enabled: outboundRoute.enabled, dryRun: outboundRoute.dryRun,
    }).from(outboundRoute).orderBy(outboundRoute.routeCode),
  }
}

export async function readCommands(db: Snapshot): Read<Commands> {
  const rows = await db.select().from(commandRegistry).orderBy(commandRegistry.command)
  return { commands: rows.map(row => ({ ...row, area: row.area as Commands['commands'][number]['area'], right: row.right as Right, label: labelOf(row.command) })) }
}

export async function readCommandContract(db: Snapshot, name: string): Read<CommandContractView> {
  const contract = findCommand(name) ?? notFound(`there is no command ${name}`)
  const states = new Map((await db.select().from(gate)).map(row => [row.gate, row]))
  return {
    command: contract.code, label: contract.label, description: contract.description, tier: contract.tier, right: contract.right,
    gates: contract.gates.map(name => ({ gate: name, isOpen: states.get(name)?.isOpen ?? false, state: states.get(name)?.state ?? 'missing' })),
    reasonRequired: contract.tier > 1 || contract.reason === true,
    confirm: contract.confirm ?? null,
    refreshes: contract.refreshes,
    schema: paramSchema({ ...contract, wire: undefined }),
  }
}

const row = {
  runId: commandRun.runId, command: commandRun.command, mode: commandRun.mode, status: commandRun.status, code: commandRun.code, actor: commandRun.actor,
  actorKind: commandRun.actorKind, reason: commandRun.reason, objectRefs: commandRun.objectRefs, eventCount: commandRun.eventCount, targetRunId: commandRun.targetRunId,
  verifyStatus: commandRun.verifyStatus, undoneByRunId: commandRun.undoneByRunId, sealNo: commandRun.sealNo, outcome: commandRun.outcome, finishedAt: commandRun.finishedAt,
}
type Found = { command: string, objectRefs: string[] }
const withLabel = <Row extends Found>({ objectRefs, ...found }: Row) => ({ ...found, label: labelOf(found.command), firstObject: objectRefs[0] ?? null, objects: objectRefs.length })

export async function readLedger(db: Snapshot, query: LedgerQuery): Read<Ledger> {
  const filter = and(
    query.command === undefined ? undefined : eq(commandRun.command, query.command),
    query.actor === undefined ? undefined : eq(commandRun.actor, query.actor),
    query.status === undefined ? undefined : eq(commandRun.status, query.status),
    query.mode === undefined ? undefined : eq(commandRun.mode, query.mode),
    query.object === undefined ? undefined : arrayContains(commandRun.objectRefs, [query.object]),
  )
  const page = await keysetPage(query, ({ cursor, backwards, limit }) => db.select(row).from(commandRun)
    .where(and(filter, cursor === undefined ? undefined : (backwards ? gt : lt)(commandRun.runId, Number(cursor))))
    .orderBy((backwards ? asc : desc)(commandRun.runId)).limit(limit), found => String(found.runId))
  const [health] = await db.select().from(commandRunHealth)
  const { head, headNo, unsealed, oldestUnsealedAt, lastSealedAt, ...counts } = health!
  return { ...page, rows: page.rows.map(withLabel), total: await boundedCount(db, sql`${commandRun}`, filter), counts, chain: { head, headNo, unsealed, oldestUnsealedAt, lastSealedAt } }
}

export async function readRun(db: Snapshot, id: number): Read<LedgerRun> {
  const [found] = await db.select({
    ...row, planRunId: commandRun.planRunId, verifyRunId: commandRun.verifyRunId, eventFrom: commandRun.eventFrom, eventTo: commandRun.eventTo,
    startedAt: commandRun.startedAt, durationMs: commandRun.durationMs, receipt: commandRun.receipt,
  }).from(commandRun).where(eq(commandRun.runId, id))
  if (!found) return notFound(`the ledger has no run ${id}`)
  const { fault: _, ...receipt } = found.receipt as Record<string, unknown>
  return { ...withLabel(found), objectRefs: found.objectRefs.slice(0, 1000), durationMs: Number(found.durationMs), receipt }
}

/** Accounts and tokens: all of them for an admin, one's own for the others. */
export async function readAccounts(db: Snapshot, who: Who): Read<Accounts> {
  const mayManage = who.right === 'admin'
  const own = mayManage ? undefined : eq(account.account, who.actor)
  const { accountId: _, ...columns } = {
    accountId: account.accountId, account: account.account, displayName: account.displayName, right: account.right, status: account.status, createdAt: account.createdAt,
    createdBy: account.createdBy, passwordChangedAt: account.passwordChangedAt, lastSignInAt: account.lastSignInAt, lastUsedAt: account.lastUsedAt,
    liveSessions: account.liveSessions, liveTokens: account.liveTokens,
  }
  return {
    mayManage,
    accounts: await db.select(columns).from(account).where(own).orderBy(account.account),
    tokens: await db.select().from(apiToken).where(mayManage ? undefined : eq(apiToken.account, who.actor)).orderBy(desc(apiToken.tokenId)).limit(500),
  }
}
