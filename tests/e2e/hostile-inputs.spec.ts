/** What would hold the one thread that serves everybody: large texts, numbers that are short to write, patterns that go back and try again. */
import { expect, test } from '@playwright/test'
import type { Receipt } from '../../shared/commands/receipt.ts'
import { ask } from './support/ask.ts'
import { problemOf, stageOfFile } from './support/stage.ts'

const stage = stageOfFile()

/** As large as the parser takes: more rows are cut plainly, which is quick. */
const TABLE = `| a | b | c |\n|---|---|---|\n${'| one | two | and three |\n'.repeat(9900)}`

test('a table of 248 KB is cut while others are answered, and imported', async () => {
  const params = { source_path: 'table.md', text: TABLE }
  let isUnderWay = true
  let answers = 0
  // Of no plan: it is refused as soon as it is cut, so that what is counted is answered during the cut.
  const refusing = stage.operator.command('dot_iu_import_text', { mode: 'apply', params, planDigest: '0'.repeat(64), reason: 'a spec' }).finally(() => {
    isUnderWay = false
  })
  while (isUnderWay) {
    expect((await ask(stage.world.origin, '/api/health/live')).status).toBe(200)
    answers++
  }
  expect(problemOf(await refusing).code).toBe('stale_plan')
  // Cut in the thread that answers it is two dozen, of what is done before and after.
  expect(answers).toBeGreaterThan(200)
  const imported = await stage.operator.command('dot_iu_import_text', { mode: 'apply', params })
  expect(imported.status, imported.text).toBe(200)
  const { result } = imported.json<Receipt>()
  const { rows } = (await stage.operator.ask(`/api/collections/pieces?address=${encodeURIComponent(result!.collection as string)}`)).json<{ rows: { unitKind: string }[] }>()
  expect(rows.map(({ unitKind }) => unitKind)).toEqual(['table'])
})

const numbers = (number: string, bytes = 9900) => `[${Array(Math.floor(bytes / (number.length + 1))).fill(number).join()}]`

for (const number of ['1e131071', '-1E+131071', '1e-131071', '0e-131071', '1.5e99999', '1e0000131071', '9e999999999999']) {
  test(`ten thousand bytes of ${number} are no body, signed in or not`, async () => {
    for (const body of [numbers(number), `{"account": ${numbers(number)}, "password": "x"}`, `{"account": "a", "password": "b", "more": {"deep": ${numbers(number)}}}`]) {
      const answer = await ask(stage.world.origin, '/api/session', { method: 'POST', headers: { origin: stage.world.origin }, body })
      expect(answer.status, answer.text).toBe(400)
      expect(problemOf(answer, '/api/session').detail).toMatch(/^It cannot be taken: the number .+ has more than 500 digits before or behind the point\.$/)
    }
    const params = `{"mode": "plan", "params": {"event_type": "spec.x", "description": "x", "payload_schema": {"enum": ${numbers(number)}}}}`
    const signedIn = await stage.approver.ask('/api/commands/dot_iu_register_event_type', { method: 'POST', body: params })
    expect(signedIn.status, signedIn.text).toBe(400)
    expect((await ask(stage.world.origin, '/api/health/live')).status).toBe(200)
  })
}

const ENDLESS = ['^(\\w?){255}(\\w?){255}!$', '^(a*)(a*)(a*)\\1\\2\\3b', '(?=.*a)(?=.*b)c']

for (const pattern of ENDLESS) {
  test(`the pattern ${pattern} is refused; one that is there already draws its page`, async () => {
    const register = (payload_schema: object) => stage.approver.command('dot_iu_register_event_type', { mode: 'plan', params: { event_type: 'spec.pattern', description: 'A type', payload_schema } })
    const schema = { type: 'object', required: ['a'], properties: { a: { type: 'string', pattern } } }
    const refused = await register(schema)
    expect(refused.status, refused.text).toBe(422)
    expect(problemOf(refused)).toMatchObject({ code: 'invalid_parameter', detail: expect.stringContaining('pattern') })
    await stage.manager.carry('dot_iu_register_event_type', { event_type: 'spec.old', description: `A type with ${pattern}`, payload_schema: { type: 'object' } })
    // As it was taken before, first as such, then as a deployment finds it.
    await stage.world.db.query(`UPDATE iu_core.iu_event_type SET payload_schema = $1 WHERE event_type = 'spec.old'`, [schema])
    for (const isFound of [false, true]) {
      if (isFound) await stage.world.db.query('SELECT iu_core.fn_iu_event_types_recompile()')
      const page = await stage.operator.ask('/try?type=spec.old')
      expect(page.status).toBe(200)
      expect(page.text).toContain('spec.old')
      expect((await ask(stage.world.origin, '/api/health/live')).status).toBe(200)
    }
  })
}
