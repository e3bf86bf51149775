import { z } from 'zod'
import { COLLECTION_KINDS } from '../read-models/collections.ts'
import { address, body, COMPOSER, define, line } from './contract.ts'

const common = {
  area: 'collections', right: 'operator', gates: COMPOSER,
  refreshes: ['collections', 'collections/head', 'collections/pieces', 'collections/piece', 'collections/rendered', 'collections/parked', 'collections/checkpoints', 'overview', 'accounting'],
} as const
const joiner = body(1000).optional().describe('the text between two pieces')
const label = line(200).optional().describe('a name for it')

const imported = {
  source_path: line(2000, 1).optional().describe('the path that names the source'),
  text: body(200_000_000).optional(),
  collection: address.optional().describe('the collection to bring back'),
  checkpoint: z.int().min(0).max(2_000_000_000).optional().describe('to which checkpoint; 0 = empty'),
  expect_revision: z.int().min(1).optional().describe('refuse when the collection is at another by now'),
}

export const COLLECTIONS = [
  define({
    ...common, code: 'dot_iu_create_collection', label: 'New collection', tier: 1,
    description: 'Makes an empty collection.',
    input: z.strictObject({ address, kind: z.enum(COLLECTION_KINDS), title: line(500, 1), joiner }),
  }),
  define({
    ...common, code: 'dot_iu_create_file_from_pieces', label: 'New file from pieces', tier: 1,
    description: 'Composes a file of pieces that exist, in the given order.',
    input: z.strictObject({ address, title: line(500, 1), pieces: z.array(address).min(1).max(10_000), joiner }),
  }),
  define({
    ...common, code: 'dot_iu_create_workflow_from_steps', label: 'New workflow from steps', tier: 1,
    description: 'Composes a workflow of steps: pieces that exist, or new ones from their text.',
    input: z.strictObject({
      address, title: line(500, 1), joiner,
      steps: z.array(z.strictObject({ piece: address.optional(), title: line(500).optional(), body: body(1_000_000).optional() })).min(1).max(1000),
    }),
  }),
  define({
    ...common, code: 'dot_iu_validate_collection', label: 'Validate', tier: 1,
    description: 'Checks a collection and names what it finds.',
    input: z.strictObject({ collection: address }),
  }),
  define({
    ...common, code: 'dot_iu_render_collection', label: 'Render', tier: 1,
    description: 'Renders a collection and keeps the digests of rendering and manifest with the revision.',
    input: z.strictObject({ collection: address }),
  }),
  define({
    ...common, code: 'dot_iu_checkpoint_collection', label: 'Checkpoint', tier: 1,
    description: 'Freezes a collection\'s manifest under the next number.',
    input: z.strictObject({ collection: address, label }),
  }),
  define({
    ...common, code: 'dot_iu_import_text', label: 'Import text', tier: 1,
    gates: [...COMPOSER, 'iu_core.autocut_enabled'],
    description: 'Brings a source to a new text, cut into pieces, or a collection back to a checkpoint.',
    input: z.strictObject(imported),
    wire: z.strictObject({
      ...imported,
      cut: z.strictObject({ kinds: z.array(z.unknown()), starts: z.array(z.unknown()), lengths: z.array(z.unknown()), titles: z.array(z.unknown()), levels: z.array(z.unknown()) }).optional(),
    }),
  }),
]
