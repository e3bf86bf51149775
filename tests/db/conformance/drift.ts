import type { Queryable } from '../world.ts'

export interface Drift { class: string | null, identity: string | null, state: 'missing' | 'unexpected' | 'changed' | 'unknown', expected: string | null, live: string | null, statement: string | null, suggested_action: string, digest: string | null }
export interface Check { check_code: string, class: string, expected: number, present: number, missing: number, unexpected: number, changed: number, unknown: number, ok: boolean, matching: number, accepted: number }

export const drift = async (db: Queryable): Promise<Drift[]> => (await db.query<Drift>('SELECT * FROM iu_core.v_dot_drift')).rows
export const conformance = async (db: Queryable): Promise<Check[]> => (await db.query<Check>('SELECT * FROM iu_core.v_dot_conformance')).rows
export const named = (rows: Drift[]): string[] => rows.map(row => `${row.class} ${row.identity} ${row.state}`).sort()
