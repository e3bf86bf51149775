import type { PieceRow } from '~~/shared/read-models/collection-pieces'
import type { CommandMenuItem } from '../components/command/CommandMenu.vue'

interface Neighbours {
  before?: PieceRow
  after?: PieceRow
}

/** What can be done with one piece, where it stands. A neighbour that is not on the page is said by its number. */
export function pieceCommands(collection: string, row: PieceRow, pieceCount: number, { before, after }: Neighbours): CommandMenuItem[] {
  const piece = row.unitAddress
  const move = (label: string, icon: string, place: Record<string, unknown>): CommandMenuItem => ({ command: 'dot_iu_reorder_piece', label, icon, title: label.replace(' …', ''), params: { collection, piece, ...place } })
  const isAlone = pieceCount === 1
  const isRetired = row.lifecycleStatus === 'retired'
  return [
    ...(row.ordinal > 1 ? [move('Move up', 'i-lucide-arrow-up', before ? { before: before.unitAddress } : { position: row.ordinal - 1 })] : []),
    ...(row.ordinal < pieceCount ? [move('Move down', 'i-lucide-arrow-down', after ? { after: after.unitAddress } : { position: row.ordinal + 1 })] : []),
    ...(row.ordinal > 2 ? [move('Move to first', 'i-lucide-arrow-up-to-line', { to: 'first' })] : []),
    ...(row.ordinal < pieceCount - 1 ? [move('Move to last', 'i-lucide-arrow-down-to-line', { to: 'last' })] : []),
    ...(isAlone ? [] : [move('Move …', 'i-lucide-move-vertical', {})]),
    {
      command: 'dot_iu_revise_piece', label: 'Revise …', icon: 'i-lucide-pencil', isFirst: true, params: { piece, ...(row.pinned ? {} : { expect_version: row.versionSeq }) }, text: { address: collection, unit: row.unitId },
      why: row.byteLength > 262_144 ? 'Its text is too long for this window: iu command dot_iu_revise_piece.' : undefined,
    },
    { command: 'dot_iu_create_piece', label: 'New piece after it …', icon: 'i-lucide-square-plus', title: 'New piece', params: { collection, after: piece }, draft: { kind: 'paragraph' } },
    { command: 'dot_iu_add_piece', label: 'Add a piece after it …', icon: 'i-lucide-list-plus', params: { collection, after: piece } },
    { command: 'dot_iu_clone_piece', label: 'Clone …', icon: 'i-lucide-copy-plus', params: { piece } },
    isRetired
      ? { command: 'dot_iu_restore_piece', icon: 'i-lucide-archive-restore', isFirst: true, params: { piece } }
      : row.lifecycleStatus === 'enacted'
        ? { command: 'dot_iu_enact_piece', label: 'Back to a draft', icon: 'i-lucide-stamp', isFirst: true, title: 'Back to a draft', params: { piece, status: 'draft' } }
        : { command: 'dot_iu_enact_piece', icon: 'i-lucide-stamp', isFirst: true, params: { piece } },
    { command: 'dot_iu_remove_piece_from_collection', icon: 'i-lucide-list-minus', params: { collection, piece } },
    ...(isRetired ? [] : [{ command: 'dot_iu_retire_piece', icon: 'i-lucide-archive', params: { piece } }]),
    { command: 'dot_iu_soft_delete_piece', icon: 'i-lucide-trash-2', params: { piece } },
    { label: 'Show in ledger', icon: 'i-lucide-scroll-text', isFirst: true, to: ledgerPath(`unit:${piece}`) },
  ]
}
