import { expect, test } from 'vitest'
import { z } from 'zod'
import { fieldsOf, nameOfEmpty, paramsOf, valuesOf } from '../../app/utils/command-form.ts'
import { findCommand } from '../../shared/commands/index.ts'
import { shown, visible } from '../../shared/visible.ts'

const formOf = (command: string, values: Record<string, string | boolean>, known = {}) => {
  const fields = fieldsOf(command, z.toJSONSchema(findCommand(command)!.input, { io: 'input' }) as Parameters<typeof fieldsOf>[1], known)
  return paramsOf(fields, { ...valuesOf(fields, {}), ...values })
}

test('an empty text is sent by who says so, and by nobody else', () => {
  const wanted = { source_path: 'a.md', text: '' }
  expect(formOf('dot_iu_import_text', { source_path: 'a.md' })).toMatchObject({ errors: { text: expect.stringContaining('There is no text') } })
  expect(formOf('dot_iu_import_text', { source_path: 'a.md', [nameOfEmpty('text')]: true })).toEqual({ params: wanted, errors: {} })
  expect(formOf('dot_iu_import_text', { source_path: 'a.md', [nameOfEmpty('text')]: true, text: '\n' }).params).toEqual({ ...wanted, text: '\n' })
  expect(formOf('dot_iu_revise_piece', {}, { piece: 'a' }).errors).toHaveProperty('body')
  expect(formOf('dot_iu_create_piece', { address: 'a', kind: 'paragraph' }).errors).toHaveProperty('body')
  // What may be left out is left out.
  expect(formOf('dot_iu_create_collection', { address: 'a', kind: 'section', title: 'A' })).toEqual({ params: { address: 'a', kind: 'section', title: 'A' }, errors: {} })
})

test('an id is sent without what came along when it was pasted; a line and a text are sent as they are', () => {
  const mess = '\u200B\u2060 \uFEFF'
  expect(formOf('dot_iu_create_piece', { address: `${mess}a/b${mess}`, kind: 'paragraph', title: `${mess}T`, body: `${mess}\nbody${mess}`, to: 'after', beside: `${mess}a/c${mess}` }).params)
    .toEqual({ address: 'a/b', kind: 'paragraph', title: `${mess}T`, body: `${mess}\nbody${mess}`, after: 'a/c' })
  expect(formOf('dot_iu_import_text', { source_path: `${mess}a.md`, text: 'x' }).params.source_path).toBe('a.md')
  expect(formOf('dot_iu_create_file_from_pieces', { address: 'a', title: 'A', pieces: `a\u200B\n${mess}\n${mess}b` }).params.pieces).toEqual(['a', 'b'])
})

test('what is invisible is seen by its number, and what belongs to a script or an emoji is let be', () => {
  expect(visible('a\u202Eb\u200B\u0000\u001B[31m\u00AD\u2028\u{E0041}')).toBe('a⟨U+202E⟩b⟨U+200B⟩⟨U+0000⟩⟨U+001B⟩[31m⟨U+00AD⟩⟨U+2028⟩⟨U+E0041⟩')
  for (const text of ['tab\tLF\nCRLF\r\n', '👨‍👩‍👧 ❤️ 👍🏽 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'نمی‌خواهم', 'क्‍ष', 'e\u0301 é', '葛\u{E0100}']) expect(visible(text)).toBe(text)
  expect([shown(7), shown(undefined), shown('\u200Ea')]).toEqual([7, undefined, '⟨U+200E⟩a'])
})
