/** What the specs of the API share: a world with people and two documents, and the rule that a refusal leaves nothing. */
import { expect, test } from '@playwright/test'
import { openapiDocument } from '../../../shared/openapi.ts'
import { problemSchema } from '../../../shared/openapi/problems.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { ReadModels } from '../../../shared/read-models/registry.ts'
import { makeWorld, type Signed, type World } from './api-world.ts'
import type { Answer } from './ask.ts'

export const document = openapiDocument('http://127.0.0.1')
export const command = (code: string) => `/api/commands/${code}`
export const CREATE = command('dot_iu_create_piece')
export const piece = (more: Record<string, unknown> = {}) => ({ mode: 'apply', params: { address: 'spec/piece', kind: 'paragraph', body: 'A text.', ...more } })

export interface Stage {
  world: World
  manager: Signed
  approver: Signed
  operator: Signed
  reviewer: Signed
  /** the addresses of the pieces of first.md; second.md is another */
  pieces: string[]
  /** What is asked is refused like this, and leaves no row but the ledger's. */
  expectRefused: (asking: () => Promise<Answer>, status: number, code: string, path?: string, method?: string) => Promise<Problem>
}

/** The stage of a file: its tests come one after the other, so that between a refusal and the count nobody else writes. */
export function stageOfFile(): Stage {
  const stage = {} as Stage
  test.describe.configure({ mode: 'default' })
  test.beforeAll(async () => {
    Object.assign(stage, await makeStage())
  })
  test.afterAll(() => stage.world?.close())
  return stage
}

async function makeStage(): Promise<Stage> {
  const world = await makeWorld()
  const [manager, approver, operator, reviewer] = [await world.signIn('manager'), await world.signIn('approver'), await world.signIn('operator'), await world.signIn('reviewer')]
  for (const name of ['first.md', 'second.md']) await operator.carry('dot_iu_import_text', { source_path: name, text: `# ${name}\n\nOne of ${name}.\n\nTwo of ${name}.\n` })
  const { rows } = (await operator.ask('/api/collections/pieces?address=first.md')).json<ReadModels['collections/pieces']>()
  return {
    world, manager, approver, operator, reviewer,
    pieces: rows.map(row => row.unitAddress),
    expectRefused: async (asking, status, code, path, method) => {
      const before = await world.rows()
      const answer = await asking()
      expect([answer.status, answer.text.startsWith('{') ? answer.json().code : answer.text], answer.text).toEqual([status, code])
      const problem = problemOf(answer, path, method)
      expect(await world.rows()).toEqual(before)
      return problem
    },
  }
}

/** An answer is a problem as the catalogue and the document have it, and tells nothing of the inside. */
export function problemOf(answer: Answer, path?: string, method = 'post'): Problem {
  expect(answer.headers['content-type'], answer.text).toBe('application/problem+json')
  expect(answer.headers['cache-control']).toBe('no-store')
  const problem = problemSchema.parse(answer.json())
  expect(problem).toEqual(answer.json())
  expect(problem.status).toBe(answer.status)
  expect(problem.type).toBe(`urn:iu:problem:${problem.code}`)
  expect(answer.text).not.toMatch(/at \w+ \(|\.mjs|\.ts:\d|node_modules|iu_core\.fn_|SELECT |stack/)
  const operation = path && (document.paths[path.split('?')[0]!] as Record<string, { responses: Record<string, unknown> }> | undefined)?.[method]
  if (operation) expect(Object.keys(operation.responses), `${method} ${path}`).toContain(String(answer.status))
  return problem
}
