/** One way or more to use each command: what it needs is made, and its parameters are told. Every command has one here. */
import { expect } from 'vitest'
import { archiveOf } from '../archive.ts'
import { deviation } from '../deviation.ts'
import type { TestDatabase } from '../harness.ts'
import { audit, drain, emit, pass, setGate, WORKER } from '../world.ts'
import { carry, imported, type Params, password, piecesIn, run } from './world.ts'

/** Where the cases are played: an open database, and the session of an admin. */
export interface Stage { db: TestDatabase, admin: string }
/** Params that run, after what they need was made; `never` matches why the run cannot be undone, and `stands` says that its checks hold after the undo as well. */
export interface Case { params: Params, never?: RegExp, stands?: true, token?: string }
export type Making = (name: string) => Promise<Case>

export function casesOf(stage: Stage): Record<string, Record<string, Making>> {
  const apply = (command: string, params: Params, token?: string) => carry(stage.db.pool, command, params, { token })

  /** A file of a heading and three paragraphs; its pieces. */
  async function file(name: string): Promise<string[]> {
    await apply('dot_iu_import_text', await imported(name, `# ${name}\n\nOne of ${name}.\n\nTwo of ${name}.\n\nThree of ${name}.\n`))
    return piecesIn(stage.db.pool, name)
  }

  /** A piece that stands nowhere. */
  async function piece(name: string): Promise<string> {
    await apply('dot_iu_create_piece', { address: name, kind: 'paragraph', title: `Of ${name}`, body: `The first text of ${name}` })
    return name
  }

  /** A piece in two collections, first behind a separator of its own, then pinned to its first of two versions. */
  async function used(name: string): Promise<string> {
    await Promise.all([file(`${name}/a`), file(`${name}/b`)])
    await piece(`${name}/p`)
    await apply('dot_iu_revise_piece', { piece: `${name}/p`, body: 'The second text, longer than the first' })
    await apply('dot_iu_add_piece', { collection: `${name}/a`, piece: `${name}/p`, position: 2, separator: '\n***\n' })
    await apply('dot_iu_add_piece', { collection: `${name}/b`, piece: `${name}/p`, to: 'first', pinned_version: 1 })
    return `${name}/p`
  }

  async function eventType(name: string, payloadSchema: Params = {}): Promise<string> {
    await apply('dot_iu_register_event_type', { event_type: name, description: name, payload_schema: payloadSchema })
    return name
  }

  async function route(name: string, enabled = true, schema?: Params): Promise<string> {
    await eventType(name, schema)
    await apply('dot_iu_register_route', { route: `${name}.log`, event_type: name, target_kind: 'log', target_ref: 'iu_route_attempt', enabled })
    return `${name}.log`
  }

  /** Two dead letters of one type whose schema has been widened since, so that a replay succeeds. */
  async function letters(name: string): Promise<number[]> {
    await route(name, true, { type: 'object', required: ['n'] })
    for (const subject of ['1', '2']) await emit(stage.db.pool, subject, {}, name)
    await pass(stage.db.pool)
    await eventType(name, { type: 'object' })
    const { rows } = await stage.db.pool.query<{ id: string }>('SELECT dead_letter_id AS id FROM iu_core.v_iu_route_dead_letter_open WHERE event_type = $1 ORDER BY 1', [name])
    expect(rows).toHaveLength(2)
    return rows.map(row => Number(row.id))
  }

  /** Two events of one type that its route skipped, being disabled; it is enabled by now. */
  async function skipped(name: string): Promise<string> {
    await route(name, false)
    for (const subject of ['1', '2']) await emit(stage.db.pool, subject, {}, name)
    await pass(stage.db.pool)
    await apply('dot_iu_enable_route', { route: `${name}.log` })
    return `${name}.log`
  }

  /** A background replay of two letters, which nobody is at work on; its number. */
  async function replay(name: string): Promise<number> {
    await letters(name)
    return (await apply('dot_iu_start_replay', { event_type: name })).result.replay as number
  }

  /** Two held events of one type. */
  async function held(name: string): Promise<string> {
    await eventType(name)
    await setGate(stage.db.pool, 'routes_master_enabled', false)
    for (const subject of ['1', '2']) await emit(stage.db.pool, subject, {}, name)
    await setGate(stage.db.pool, 'routes_master_enabled', true)
    return name
  }

  /** A file of two events that are routed and audited, as it would be recorded, with its content. */
  async function archivable(name: string): Promise<{ record: Params, content: string }> {
    await route(name)
    const first = await emit(stage.db.pool, '1', null, name)
    const last = await emit(stage.db.pool, '2', { n: 1 }, name)
    await drain(stage.db.pool)
    await audit(stage.db.pool)
    return archiveOf(stage.db.pool, first, last)
  }

  /** The same on record. */
  async function recorded(name: string): Promise<{ archive: number, content: string }> {
    const { record, content } = await archivable(name)
    return { archive: Number((await apply('dot_iu_record_archive', record)).result.archive), content }
  }

  /** The worker that has all buckets, or all that `other` has not. */
  async function shares(other?: string): Promise<string> {
    await stage.db.pool.query('DELETE FROM iu_core.iu_route_worker_cursor WHERE worker_code <> $1', [WORKER])
    const { rowCount } = await stage.db.pool.query('UPDATE iu_core.iu_route_worker_cursor SET bucket_from = 0, bucket_to = 15 WHERE worker_code = $1', [WORKER])
    if (!rowCount) await stage.db.pool.query('SELECT iu_core.fn_iu_cursor_declare($1, 0, 15)', [WORKER])
    if (other) await stage.db.pool.query('SELECT iu_core.fn_iu_cursor_split($1, 8, $2)', [WORKER, other])
    return WORKER
  }

  /** Enables the schedule with another pace than it had. */
  const paced = (pollMs: number) => apply('dot_iu_enable_schedule', { poll_ms: pollMs })

  /** One that nothing needs; a case may have left it without its row. */
  async function gate(open: boolean): Promise<void> {
    await stage.db.pool.query(`SELECT iu_core.fn_iu_gate_repair('iu_core.structure_ops_enabled')`)
    await setGate(stage.db.pool, 'structure_ops_enabled', open)
  }

  async function account(name: string, right = 'operator'): Promise<string> {
    await apply('dot_iu_add_account', { account: name, right, ...password().params })
    return name
  }

  const inAYear = () => new Date(Date.now() + 300 * 86_400_000).toISOString()

  return {
    dot_iu_create_piece: {
      'that stands nowhere': async n => ({ params: { address: n, kind: 'paragraph', body: 'A body', title: 'A title' } }),
      'with an empty body': async n => ({ params: { address: n, kind: 'step', body: '' } }),
      'in a collection': async n => ({ params: { after: (await file(n))[1], address: `${n}/new`, kind: 'paragraph', body: 'A body', collection: n, separator: '\n\n' } }),
    },
    dot_iu_revise_piece: {
      'that stands nowhere': async n => ({ params: { piece: await piece(n), body: 'Another', title: 'Another title' } }),
      'that is pinned in one of two collections': async n => ({ params: { piece: await used(n), body: 'A third' } }),
      'by an earlier version': async n => ({ params: { piece: await used(n), version: 1, expect_version: 2 } }),
    },
    dot_iu_clone_piece: {
      'that is used': async n => ({ params: { piece: await used(n), address: `${n}/clone`, title: 'Its clone' } }),
    },
    dot_iu_add_piece: {
      'as the last': async n => (await file(n), { params: { collection: n, piece: await piece(`${n}/p`) } }),
      'as the first, pinned and with a separator': async (n) => {
        await file(n)
        await apply('dot_iu_revise_piece', { piece: await piece(`${n}/p`), body: 'Another' })
        return { params: { collection: n, piece: `${n}/p`, to: 'first', pinned_version: 1, separator: '\n---\n' } }
      },
      'behind another': async n => ({ params: { after: (await file(n))[1], collection: n, piece: await piece(`${n}/p`) } }),
      'before another': async n => ({ params: { before: (await file(n))[1], collection: n, piece: await piece(`${n}/p`) } }),
      'by its number': async n => ({ params: { position: (await file(n)).length + 1, collection: n, piece: await piece(`${n}/p`) } }),
    },
    dot_iu_reorder_piece: {
      'to the end': async n => ({ params: { piece: (await file(n))[1], collection: n, to: 'last' } }),
      'to the beginning': async n => ({ params: { piece: (await file(n))[3], collection: n, to: 'first' } }),
      'to a number': async n => ({ params: { piece: (await file(n))[1], collection: n, position: 3 } }),
      'to a key': async n => ({ params: { piece: (await file(n))[1], collection: n, at: '3.25' } }),
    },
    dot_iu_remove_piece_from_collection: {
      'from its file': async n => ({ params: { piece: (await file(n))[2], collection: n } }),
      'from where it has a separator': async n => ({ params: { piece: await used(n), collection: `${n}/a` } }),
      'from where it is pinned': async n => ({ params: { piece: await used(n), collection: `${n}/b` } }),
      'with as many empty lines behind it as a file may have': async (n) => {
        await apply('dot_iu_import_text', await imported(n, `One.${'\n'.repeat(5000)}Two.\n`))
        return { params: { piece: (await piecesIn(stage.db.pool, n))[0], collection: n } }
      },
      'that is retired': async (n) => {
        const [, p] = await file(n)
        await apply('dot_iu_retire_piece', { piece: p })
        return { params: { piece: p, collection: n }, never: /retired piece cannot be added/ }
      },
    },
    dot_iu_enact_piece: {
      'that is a draft': async n => ({ params: { piece: await used(n) } }),
      'back to a draft': async n => (await apply('dot_iu_enact_piece', { piece: await piece(n) }), { params: { piece: n, status: 'draft' } }),
    },
    dot_iu_retire_piece: {
      'that is a draft': async n => ({ params: { piece: await used(n) } }),
      'that is enacted': async n => (await apply('dot_iu_enact_piece', { piece: await piece(n) }), { params: { piece: n } }),
    },
    dot_iu_soft_delete_piece: {
      'that stands in two collections': async n => ({ params: { piece: await used(n) } }),
      'that is retired': async n => (await apply('dot_iu_retire_piece', { piece: await used(n) }), { params: { piece: `${n}/p` } }),
    },
    dot_iu_restore_piece: {
      'that was retired': async n => (await apply('dot_iu_retire_piece', { piece: await used(n) }), { params: { piece: `${n}/p` } }),
      'that was deleted': async n => (await apply('dot_iu_soft_delete_piece', { piece: await used(n) }), { params: { piece: `${n}/p` } }),
    },
    dot_iu_refresh_metadata_axes: {
      'of a piece': async n => ({ params: { piece: await piece(n) }, never: /derived from the text/ }),
      'of a collection': async n => (await file(n), { params: { collection: n }, never: /derived from the text/ }),
    },
    dot_iu_create_collection: {
      empty: async n => ({ params: { address: n, kind: 'design_doc', title: 'Empty', joiner: '\n' }, never: /birth is not undone/ }),
    },
    dot_iu_create_file_from_pieces: {
      'in the given order': async n => ({ params: { address: n, title: 'A file', pieces: (await file(`${n}/x`)).toReversed() }, never: /birth is not undone/ }),
    },
    dot_iu_create_workflow_from_steps: {
      'of old and new steps': async n => ({ params: { address: n, title: 'A workflow', steps: [{ piece: await piece(`${n}/p`) }, { title: 'Second', body: 'Do it' }, { body: 'Done' }] }, never: /birth is not undone/ }),
    },
    dot_iu_validate_collection: {
      'that is healthy': async n => (await file(n), { params: { collection: n }, never: /Nothing but an event/ }),
    },
    dot_iu_render_collection: {
      'that has changed': async n => (await used(n), { params: { collection: `${n}/a` }, never: /Only digests were written/ }),
    },
    dot_iu_checkpoint_collection: {
      'under a label': async n => (await file(n), { params: { collection: n, label: 'The first' }, never: /checkpoint is history/ }),
    },
    dot_iu_import_text: {
      'of a new source': async n => ({ params: await imported(n, '# New\n\nText.\n') }),
      'that changes, moves, adds and removes': async (n) => {
        await file(n)
        return { params: await imported(n, `# ${n}\n\nThree of ${n}.\n\n## A section\n\nOne of ${n}, changed.\n\nNew.\n`) }
      },
      'over a piece that was added and pinned': async n => (await used(n), { params: await imported(`${n}/b`, `# ${n}/b\n\nOther.\n`) }),
      'over a piece that has no place in a section': async (n) => {
        await apply('dot_iu_import_text', await imported(n, ''))
        await apply('dot_iu_create_piece', { address: `${n}/p`, kind: 'paragraph', body: 'A paragraph', collection: n })
        return { params: await imported(n, '# A heading\n') }
      },
      'over a piece that is pinned here and followed elsewhere': async (n) => {
        await apply('dot_iu_import_text', await imported(n, ''))
        await apply('dot_iu_create_file_from_pieces', { address: `${n}/other`, title: 'Follows it', pieces: [await piece(`${n}/p`)] })
        await apply('dot_iu_add_piece', { collection: n, piece: `${n}/p`, pinned_version: 1 })
        await apply('dot_iu_revise_piece', { piece: `${n}/p`, body: 'A second version' })
        return { params: await imported(n, 'A third version\n') }
      },
      'over a source that was emptied': async (n) => {
        await file(n)
        await apply('dot_iu_import_text', await imported(n, ''))
        return { params: await imported(n, '# Another title\n') }
      },
      'that takes a retired piece out': async (n) => {
        await apply('dot_iu_retire_piece', { piece: (await file(n))[2] })
        return { params: await imported(n, `# ${n}\n\nOne of ${n}.\n`), never: /is retired and has left the collection. Restore it, then return to checkpoint 1/ }
      },
      'that is there already': async n => (await file(n), { params: await imported(n, `# ${n}\n\nOne of ${n}.\n\nTwo of ${n}.\n\nThree of ${n}.\n`), never: /Nothing was changed/ }),
      'as the return to a checkpoint': async (n) => {
        await file(n)
        await apply('dot_iu_checkpoint_collection', { collection: n })
        await apply('dot_iu_import_text', await imported(n, '# Other\n\nText.\n'))
        return { params: { collection: n, checkpoint: 1 } }
      },
      'as the return of a piece that was revised since it left': async (n) => {
        const [, p] = await file(n)
        await apply('dot_iu_checkpoint_collection', { collection: n })
        await apply('dot_iu_create_file_from_pieces', { address: `${n}/other`, title: 'Follows it', pieces: [p] })
        await apply('dot_iu_remove_piece_from_collection', { collection: n, piece: p })
        await apply('dot_iu_revise_piece', { piece: p, body: 'Revised elsewhere' })
        return { params: { collection: n, checkpoint: 1 } }
      },
      'as the return to nothing': async n => (await file(n), { params: { collection: n, checkpoint: 0 } }),
    },
    dot_iu_replay_dead_letter: {
      'whose cause is mended': async n => ({ params: { dead_letter: (await letters(n))[0] }, never: /attempt is history/ }),
    },
    dot_iu_replay_dead_letters: {
      'of one type': async n => ({ params: { event_type: (await letters(n), n) }, never: /Attempts are history/ }),
    },
    dot_iu_discard_dead_letter: {
      'that is open': async n => ({ params: { dead_letter: (await letters(n))[0] }, never: /given up/ }),
    },
    dot_iu_discard_dead_letters: {
      'of one type': async n => ({ params: { event_type: (await letters(n), n) }, never: /given up/ }),
    },
    dot_iu_correct_dead_letter: {
      'with another payload': async n => ({ params: { dead_letter: (await letters(n))[0], payload: { n: 1 } }, never: /new event is in the outbox/ }),
    },
    dot_iu_replay_skipped: {
      'of a route that is enabled again': async n => ({ params: { route: await skipped(n) }, never: /Attempts are history/ }),
    },
    dot_iu_start_replay: {
      'of dead letters': async n => ({ params: { event_type: (await letters(n), n), per_second: 5 }, never: /Attempts are history/ }),
      'of skipped events': async n => ({ params: { what: 'skipped', route: await skipped(n) }, never: /Attempts are history/ }),
    },
    dot_iu_stop_replay: { 'that runs': async n => ({ params: { replay: await replay(n) } }) },
    dot_iu_resume_replay: {
      'that was stopped': async (n) => {
        const number = await replay(n)
        await apply('dot_iu_stop_replay', { replay: number })
        return { params: { replay: number } }
      },
    },
    dot_iu_run_worker: {
      'while events wait': async n => (await route(n), await emit(stage.db.pool, '1', {}, n), { params: { passes: 100 }, never: /Attempts are history/ }),
      'while nothing waits': async () => (await run(stage.db.pool, 'dot_iu_run_worker', 'apply', { passes: 100 }), { params: {}, never: /Attempts are history/ }),
    },
    dot_iu_run_probe: { 'at any time': async () => ({ params: {}, never: /taken back already/ }) },
    dot_iu_release_held_events: {
      'of one type': async n => ({ params: { event_type: await held(n) }, never: /in the outbox/ }),
    },
    dot_iu_discard_held_events: {
      'the first': async n => ({ params: { event_type: await held(n), limit: 1 }, never: /given up/ }),
    },
    dot_iu_record_archive: {
      'of two events': async n => ({ params: (await archivable(n)).record, never: /nothing was removed/ }),
    },
    dot_iu_remove_archived_events: {
      'that are on record': async n => ({ params: { archive: (await recorded(n)).archive }, never: /iu retention restore/ }),
    },
    dot_iu_restore_archived_events: {
      'that were removed': async (n) => {
        const { archive, content } = await recorded(n)
        await apply('dot_iu_remove_archived_events', { archive })
        return { params: { archive, content } }
      },
    },
    dot_iu_enable_route: { 'that is disabled': async n => ({ params: { route: await route(n, false) } }) },
    dot_iu_disable_route: { 'that is enabled': async n => ({ params: { route: await route(n) } }) },
    dot_iu_split_cursor: {
      'into an upper half': async n => ({ params: { worker: await shares(), bucket: 8, new_worker: n.replace(/\W/g, '_').slice(0, 63) } }),
      'into a lower part': async n => ({ params: { worker: await shares(), bucket: 3, new_worker: n.replace(/\W/g, '_').slice(0, 63), new_part: 'lower' } }),
    },
    dot_iu_join_cursors: {
      'with the buckets above': async () => ({ params: { worker: await shares('other'), joined: 'other' } }),
      'with the buckets below': async () => ({ params: { worker: (await shares('other'), 'other'), joined: WORKER } }),
    },
    dot_iu_enable_schedule: {
      'that is disabled': async () => (await run(stage.db.pool, 'dot_iu_disable_schedule', 'apply', {}, { reason: 'a test' }), { params: { poll_ms: 100 } }),
    },
    dot_iu_disable_schedule: {
      'that is enabled': async () => (await paced(1000 + Math.floor(Math.random() * 10_000)), { params: {} }),
    },
    dot_iu_close_gate: {
      'that is open': async () => ({ params: { gate: 'iu_core.autocut_enabled' } }),
      'that is open until a time': async () => {
        await apply('dot_iu_open_gate', { gate: 'iu_core.structure_ops_enabled', expires_at: inAYear() })
        return { params: { gate: 'iu_core.structure_ops_enabled' } }
      },
      'that has expired': async () => {
        await stage.db.pool.query(`UPDATE iu_core.dot_config SET value = 'true', expires_at = now() - interval '1 day' WHERE key = 'iu_core.structure_ops_enabled'`)
        return { params: { gate: 'iu_core.structure_ops_enabled' }, never: /It was not open before, it was expired/ }
      },
      'that is malformed': async () => {
        await stage.db.pool.query(`UPDATE iu_core.dot_config SET value = 'maybe', expires_at = NULL WHERE key = 'iu_core.structure_ops_enabled'`)
        return { params: { gate: 'iu_core.structure_ops_enabled' }, never: /It was not open before, it was malformed/ }
      },
      'that is missing': async () => {
        await stage.db.pool.query(`DELETE FROM iu_core.dot_config WHERE key = 'iu_core.structure_ops_enabled'`)
        return { params: { gate: 'iu_core.structure_ops_enabled' }, never: /It was not open before, it was missing/ }
      },
    },
    dot_iu_open_gate: {
      'that is closed': async () => (await gate(false), { params: { gate: 'iu_core.structure_ops_enabled' } }),
      'until a time': async () => (await gate(false), { params: { gate: 'iu_core.structure_ops_enabled', expires_at: inAYear() } }),
      'that is open, until a time': async () => (await gate(true), { params: { gate: 'iu_core.structure_ops_enabled', expires_at: inAYear() }, stands: true }),
    },
    dot_iu_accept_deviation: {
      'of a view': async n => ({ params: await deviation(stage.db.pool, n) }),
      'by another owner': async (n) => {
        const params = await deviation(stage.db.pool, n)
        await apply('dot_iu_accept_deviation', params)
        return { params: { ...params, owner: 'somebody else' }, stands: true }
      },
    },
    dot_iu_withdraw_acceptance: {
      'of a view': async (n) => {
        const { class: kind, object, ...more } = await deviation(stage.db.pool, n)
        await apply('dot_iu_accept_deviation', { class: kind, object, ...more })
        return { params: { class: kind, object } }
      },
    },
    dot_iu_disable_triggers: { 'that are on': async () => ({ params: {} }) },
    dot_iu_enable_triggers: { 'that are off': async () => (await apply('dot_iu_disable_triggers', {}), { params: {} }) },
    dot_iu_register_event_type: {
      'for the first time': async n => ({ params: { event_type: n, description: 'New' }, never: /stays registered/ }),
      anew: async n => ({ params: { event_type: await eventType(n, { type: 'object', required: ['n'] }), description: 'Anew', delivery_lane: 'immediate', payload_schema: { type: 'object' } }, stands: true }),
    },
    dot_iu_register_route: {
      disabled: async n => ({ params: { route: `${n}.log`, event_type: await eventType(n), target_kind: 'log', target_ref: 'here' }, never: /stays registered/ }),
      enabled: async n => ({ params: { route: `${n}.log`, event_type: await eventType(n), target_kind: 'log', target_ref: 'here', enabled: true } }),
      'anew, to another target': async n => ({ params: { route: await route(n), event_type: n, target_kind: 'webhook', target_ref: 'https://example.org/' }, stands: true }),
    },
    dot_iu_add_account: { 'with a name': async n => ({ params: { account: n, right: 'operator', display_name: 'A Name', ...password().params } }) },
    dot_iu_set_account_right: { higher: async n => ({ params: { account: await account(n), right: 'approver' } }) },
    dot_iu_disable_account: { 'that is active': async n => ({ params: { account: await account(n) } }) },
    dot_iu_enable_account: { 'that is disabled': async n => (await apply('dot_iu_disable_account', { account: await account(n) }), { params: { account: n } }) },
    dot_iu_set_password: { 'by an admin': async n => ({ params: { account: await account(n), ...password().params }, never: /old password is not kept/ }) },
    dot_iu_issue_token: { 'for oneself': async n => ({ params: { label: n, scopes: ['read', 'dot_iu_add_piece'], expires_at: inAYear() }, token: stage.admin }) },
    dot_iu_revoke_token: {
      'of oneself': async (n) => {
        const issued = await apply('dot_iu_issue_token', { label: n, scopes: ['*'], expires_at: inAYear() }, stage.admin)
        return { params: { token: (issued.inverse!.params as { token: number }).token }, never: /stays dead/, token: stage.admin }
      },
    },
  }
}

/** A case's own name, as its addresses begin. */
export const nameOf = (code: string, title: string): string => `${code.slice(4)}.${title}`.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '_')
