import { z } from 'zod'
import { address, body, COMPOSER, define, line, place, positionKey, term } from './contract.ts'

const refreshes = ['collections', 'collections/head', 'collections/pieces', 'collections/piece', 'collections/rendered', 'collections/parked', 'collections/checkpoints', 'overview', 'accounting'] as const
/** What an inverse carries: what stood behind the pieces around the one it is about, to the byte. */
const separators = z.array(z.strictObject({ collection: address, piece: address, separator: body(1_000_000).optional() })).max(20_000).optional()
  .describe('exact separators to put back, as an undo carries them; without them they are chosen anew')

const common = { area: 'pieces', right: 'operator', gates: COMPOSER, refreshes } as const

export const PIECES = [
  define({
    ...common, code: 'dot_iu_create_piece', label: 'Create piece', tier: 1,
    description: 'Makes a piece, and puts it into a collection where one is named.',
    input: z.strictObject({
      address, kind: term().describe('one of the unit kinds'), title: line(500).optional(), body: body(),
      collection: address.optional(), ...place, separator: body(1_000_000).optional().describe('the text after it; without one, what keeps it and the next the blocks they are'),
    }),
  }),
  define({
    ...common, code: 'dot_iu_revise_piece', label: 'Revise', tier: 1,
    description: 'Gives a piece a new version: a new text, or that of an earlier version.',
    input: z.strictObject({
      piece: address, body: body().optional(), version: z.int().min(1).max(2_000_000_000).optional().describe('an earlier version whose text is wanted again'),
      title: line(500).optional(), derive_title: z.boolean().optional().describe('make the title of the text, now and later'), expect_version: z.int().min(1).max(2_000_000_000).optional().describe('refuse when the piece is at another by now'),
      separators,
    }),
  }),
  define({
    ...common, code: 'dot_iu_clone_piece', label: 'Clone', tier: 1,
    description: 'Copies a piece\'s current text under a new address, related to it as cloned_from.',
    input: z.strictObject({ piece: address, address, title: line(500).optional() }),
  }),
  define({
    ...common, code: 'dot_iu_add_piece', label: 'Add piece', tier: 1,
    description: 'Puts a piece that exists into a collection.',
    input: z.strictObject({
      collection: address, piece: address, ...place, at: positionKey.optional().describe('an exact position key'),
      pinned_version: z.int().min(1).max(2_000_000_000).optional().describe('stay at this version; without one it follows the current'),
      separator: body(1_000_000).optional().describe('the text after it; without one, what keeps it and the next the blocks they are'),
      separators,
    }),
  }),
  define({
    ...common, code: 'dot_iu_reorder_piece', label: 'Move', tier: 1,
    description: 'Moves a piece within its collection.',
    input: z.strictObject({
      collection: address, piece: address, ...place, at: positionKey.optional().describe('an exact position key'),
      expect_at: positionKey.optional().describe('refuse when the piece stands elsewhere by now'),
      separators,
    }),
  }),
  define({
    ...common, code: 'dot_iu_remove_piece_from_collection', label: 'Remove from collection', tier: 2,
    description: 'Takes a piece out of a collection; the piece lives on.',
    input: z.strictObject({ collection: address, piece: address, separators }),
  }),
  define({
    ...common, code: 'dot_iu_enact_piece', label: 'Enact', tier: 2,
    description: 'Puts a draft in force, or takes it back to a draft.',
    input: z.strictObject({ piece: address, status: z.enum(['enacted', 'draft']).optional() }),
  }),
  define({
    ...common, code: 'dot_iu_retire_piece', label: 'Retire', tier: 2,
    description: 'No new use of the piece anywhere; where it stands it stays, with its history.',
    input: z.strictObject({ piece: address }),
  }),
  define({
    ...common, code: 'dot_iu_soft_delete_piece', label: 'Delete', tier: 2,
    description: 'The piece leaves every manifest; a restore brings it back to its places.',
    input: z.strictObject({ piece: address, separators }),
  }),
  define({
    ...common, code: 'dot_iu_restore_piece', label: 'Restore', tier: 1,
    description: 'Brings a retired or deleted piece back, to its places where they are still free.',
    input: z.strictObject({ piece: address, separators }),
  }),
  define({
    ...common, code: 'dot_iu_refresh_metadata_axes', label: 'Refresh axes', tier: 1,
    description: 'Derives the metadata axes of a collection\'s pieces, or of one piece, anew.',
    input: z.strictObject({ collection: address.optional(), piece: address.optional() }),
  }),
]
