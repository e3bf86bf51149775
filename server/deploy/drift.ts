import type { Connection } from './transaction.ts'

/** An object that is not as it was deployed, and was accepted so by an approver. */
export interface Accepted { class: string, identity: string, state: string, owner: string, reason: string, accepted_by: string, expires_at: Date }

/** What was accepted and holds now; nothing where the schema cannot tell yet. */
export async function readAccepted(client: Connection): Promise<Accepted[]> {
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regclass('iu_core.v_dot_accepted') IS NOT NULL AS there`)
  if (!row!.there) return []
  return (await client.query<Accepted>('SELECT class, identity, state, owner, reason, accepted_by, expires_at FROM iu_core.v_dot_accepted')).rows
}

/** One of them in words: `unexpected principal member eve of iu_approver, until …`. */
export const acceptedText = ({ class: kind, identity, state, owner, accepted_by: by, expires_at: until }: Accepted): string =>
  `${state} ${kind} ${identity}, until ${until.toISOString()}, accepted by ${by}, answered for by ${owner}`

/** What a gate adds to what it says, where something was accepted. */
export const acceptedNote = (accepted: Accepted[]): string => accepted.length ? `; accepted ${accepted.length}: ${accepted.map(acceptedText).join('; ')}` : ''

/** Each object that has drifted, in a line; undefined where the schema has no inventory yet. */
export async function readDrift(client: Connection): Promise<string[] | undefined> {
  const { rows: [row] } = await client.query<{ there: boolean }>(`SELECT to_regclass('iu_core.v_dot_drift') IS NOT NULL AS there`)
  if (!row!.there) return undefined
  const { rows } = await client.query<{ what: string }>(`SELECT concat_ws(' ', state, class, identity, CASE WHEN class IS NULL THEN suggested_action END) AS what FROM iu_core.v_dot_drift`)
  return rows.map(({ what }) => what)
}
