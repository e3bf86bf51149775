import { z } from 'zod'
import { anyJson, define, dotted, id, instant, named, pasted, ROUTING, RUNTIME, term } from './contract.ts'

const common = { area: 'delivery', right: 'operator' } as const
const letters = { refreshes: ['dead-letters', 'dead-letters/letter', 'dead-letters/replays', 'attempts', 'attempts/summary', 'attempts/history', 'overview', 'shell'] } as const
const events = { refreshes: ['accounting', 'overview', 'attempts', 'attempts/summary', 'dead-letters', 'gates', 'shell', 'worker', 'worker/passes'] } as const
/** What moves work between workers, or starts and stops it. */
const work = { refreshes: ['worker', 'overview', 'shell'] } as const
const worker = named(pasted.min(1).max(63).regex(/^[a-z0-9_]+$/, 'use a-z 0-9 _'))
const many = {
  through: id.optional().describe('none with a higher number'),
  limit: z.int().min(1).max(10_000).optional().describe('at most so many'),
}

/** Which of many: when, and none that comes later. */
const window = {
  from: instant.optional().describe('not before this time'),
  to: instant.optional().describe('before this time'),
  through: many.through,
}
/** Which dead letters. */
const matching = {
  cause: named(pasted.regex(/^[0-9a-f]{16}$/, 'is no fingerprint of a cause')).optional().describe('the fingerprint of a cause'),
  failure_code: term(200).optional(), event_type: dotted.optional(), route: dotted.optional(), ...window,
}
const atMost = (most: number) => z.int().min(1).max(most).optional().describe('at most so many')

export const DELIVERY = [
  define({
    ...common, ...letters, code: 'dot_iu_replay_dead_letter', label: 'Replay', tier: 1, gates: ROUTING,
    description: 'Attempts one dead letter once more.',
    input: z.strictObject({ dead_letter: id }),
  }),
  define({
    ...common, ...letters, code: 'dot_iu_replay_dead_letters', label: 'Replay all that match', tier: 2, gates: ROUTING,
    description: 'Attempts the dead letters that the plan froze, each once more.',
    input: z.strictObject({ ...matching, limit: atMost(1000) }),
  }),
  define({
    ...common, ...letters, code: 'dot_iu_discard_dead_letter', label: 'Discard', tier: 2, gates: RUNTIME,
    description: 'Gives up an open dead letter, with a reason.',
    input: z.strictObject({ dead_letter: id }),
  }),
  define({
    ...common, ...letters, code: 'dot_iu_discard_dead_letters', label: 'Discard all that match', tier: 2, right: 'approver', gates: RUNTIME,
    description: 'Gives up the dead letters that the plan froze, with a reason.',
    input: z.strictObject({ ...matching, limit: atMost(10_000) }),
  }),
  define({
    ...common, ...letters, code: 'dot_iu_correct_dead_letter', label: 'Correct', tier: 2, gates: RUNTIME,
    description: 'Emits a new event with another payload in the place of one that failed; the old one stays.',
    input: z.strictObject({ dead_letter: id, payload: anyJson().describe('the whole payload of the new event') }),
  }),
  define({
    ...common, ...letters, code: 'dot_iu_replay_skipped', label: 'Replay skipped', tier: 2, gates: ROUTING,
    description: 'Attempts what a route skipped while it was disabled.',
    input: z.strictObject({ route: dotted, ...window, limit: atMost(10_000) }),
  }),
  define({
    ...common, ...letters, code: 'dot_iu_start_replay', label: 'Replay in the background', tier: 2, gates: ROUTING,
    description: 'Replays the dead letters, or skipped events, that the plan froze, in the background.',
    input: z.strictObject({
      what: z.enum(['dead_letters', 'skipped']).optional().describe('dead letters, or the events that a disabled route skipped'),
      ...matching, limit: atMost(500_000), per_second: z.int().min(1).max(10_000).optional().describe('at most so many a second'),
    }),
  }),
  define({
    ...common, ...letters, code: 'dot_iu_stop_replay', label: 'Stop', tier: 1, gates: [],
    description: 'Stops a background replay after the batch under way; nothing is lost.',
    input: z.strictObject({ replay: id }),
  }),
  define({
    ...common, ...letters, code: 'dot_iu_resume_replay', label: 'Go on', tier: 1, gates: ROUTING,
    description: 'Lets a stopped background replay go on where it was.',
    input: z.strictObject({ replay: id }),
  }),
  define({
    ...common, ...events, code: 'dot_iu_run_worker', label: 'Run worker', tier: 1, gates: ROUTING,
    description: 'Routes what waits, by passes of one worker.',
    input: z.strictObject({
      worker: worker.optional(), passes: z.int().min(1).max(100).optional().describe('at most so many'), batch_size: z.int().min(1).max(100_000).optional().describe('events a pass, at most'),
    }),
  }),
  define({
    ...common, code: 'dot_iu_run_probe', label: 'Run probe', tier: 1, gates: [],
    description: 'Tries the eight scenarios A to H on the live schema, each taken back, and shows that nothing is left.',
    input: z.strictObject({}), refreshes: ['proof'],
  }),
  define({
    ...common, ...events, code: 'dot_iu_release_held_events', label: 'Release held events', tier: 2,
    gates: ['iu_core.operator_runtime_enabled', 'iu_core.routes_master_enabled'],
    description: 'Puts held events on their lanes, in the order of writing.',
    input: z.strictObject({ event_type: dotted.optional(), ...many }),
  }),
  define({
    ...common, ...events, code: 'dot_iu_discard_held_events', label: 'Discard held events', tier: 2, right: 'approver', gates: RUNTIME,
    description: 'Gives up held events, with a reason.',
    input: z.strictObject({ event_type: dotted.optional(), ...many }),
  }),
  define({
    ...common, code: 'dot_iu_enable_route', label: 'Enable route', tier: 1, reason: true, gates: RUNTIME,
    description: 'Enables a route; it stays the dry run that it is.',
    input: z.strictObject({ route: dotted }), refreshes: ['attempts/summary', 'gates', 'overview', 'shell'],
  }),
  define({
    ...common, code: 'dot_iu_disable_route', label: 'Disable route', tier: 1, reason: true, gates: [],
    description: 'L2: the route\'s events are skipped as route_disabled; none is lost.',
    input: z.strictObject({ route: dotted }), refreshes: ['attempts/summary', 'gates', 'overview', 'shell'],
  }),
  define({
    ...common, ...work, code: 'dot_iu_split_cursor', label: 'Split worker', tier: 2, right: 'approver', gates: RUNTIME,
    description: 'Gives a part of a worker\'s buckets to a new worker, while both go on. Order per subject is kept.',
    input: z.strictObject({
      worker, bucket: z.int().min(1).max(15).describe('the bucket at which the upper part begins'), new_worker: worker.describe('the new worker\'s code'),
      new_part: z.enum(['upper', 'lower']).optional().describe('the part that the new worker gets; upper unless told'),
    }),
  }),
  define({
    ...common, ...work, code: 'dot_iu_join_cursors', label: 'Join workers', tier: 2, right: 'approver', gates: RUNTIME,
    description: 'Gives all buckets of a worker to one whose buckets touch them, while both go on.',
    input: z.strictObject({ worker, joined: worker.describe('the worker that ends; its attempts and counts stay') }),
  }),
  define({
    ...common, ...work, code: 'dot_iu_enable_schedule', label: 'Enable schedule', tier: 2, right: 'approver', gates: RUNTIME,
    description: 'Lets the consoles\' servers run the passes of every worker.',
    input: z.strictObject({
      poll_ms: z.int().min(10).max(60_000).optional().describe('wait after a round that found nothing, in milliseconds'), batch_size: z.int().min(1).max(100_000).optional().describe('events a pass, at most'),
    }),
  }),
  define({
    ...common, ...work, code: 'dot_iu_disable_schedule', label: 'Disable schedule', tier: 1, reason: true, gates: [],
    description: 'Stops the passes that the consoles\' servers run, within a second or so; iu worker goes on.',
    input: z.strictObject({}),
  }),
]
