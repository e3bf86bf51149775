import { defineCommand } from 'citty'
import type { Friction } from '../../../shared/commands/receipt.ts'
import type { ImportedFile, RefusedFile } from '../../import/import.ts'
import { listSources } from '../../import/source.ts'
import { openTarget } from '../database.ts'
import { countOf, DEFAULT_MAX_BYTES, importAll, isImported, isRefused } from '../importing.ts'
import { bytes, count, EXIT, note, printable, Refusal, say, sayJson, whole } from '../report.ts'

/** Past this PostgreSQL cannot hold the rendering beside its source in one statement. */
const MOST_BYTES = 256 * 1024 * 1024

function maxBytesFrom(flag: string | undefined): number {
  const given = flag ?? process.env.IU_MAX_FILE_BYTES
  return given === undefined ? DEFAULT_MAX_BYTES : whole('max-bytes', given, 1, MOST_BYTES)
}

function prefixFrom(given: string | undefined): string {
  const prefix = (given ?? '').replace(/^\/+|(?<!\/)\/+$/g, '')
  if (prefix.split('/').some(segment => segment === '..' || segment === '.')) throw new Refusal(`--into: "${given}" has a segment that is . or ..`, EXIT.usage)
  return prefix
}

const FLAGS: Record<Friction, string> = { edits: '--over-edits', removals: '--allow-removals' }
/** What to do about a file that asks for a plan. */
const wayOver = (friction: Friction[]): string => `Nothing of it was written. To import it all the same, say ${friction.map(because => FLAGS[because]).join(' ')}; --plan shows what that would do.`

const planned = ({ file, outcome, address, notes }: ImportedFile): string =>
  [`${printable(file)} → ${address}: would be ${outcome}`, ...notes.map(line => `  ${printable(line)}`)].join('\n')

function summary(results: (ImportedFile | RefusedFile)[], seconds: number): string {
  const done = results.filter(isImported)
  const sum = (key: 'pieces' | 'piecesCreated' | 'versionsCreated' | 'piecesRemoved' | 'piecesMoved' | 'byteLength') => done.reduce((total, result) => total + result[key], 0)
  return [
    `${count(results.length, 'file')}: ${countOf(results, 'created')} created, ${countOf(results, 'updated')} updated, ${countOf(results, 'unchanged')} unchanged, ${results.length - done.length} refused (${seconds.toFixed(1)} s)`,
    `${count(sum('pieces'), 'piece')}, ${bytes(sum('byteLength'))}: ${count(sum('piecesCreated'), 'new piece')}, ${count(sum('versionsCreated'), 'new version')}, ${sum('piecesRemoved')} removed, ${sum('piecesMoved')} moved`,
    ...(done.length ? [`round trip: ${done.length} of ${done.length} render to the SHA-256 of their source`] : []),
  ].join('\n')
}

export default defineCommand({
  meta: { name: 'import', description: 'cut Markdown and plain-text files into pieces and prove that they render to the same bytes' },
  args: {
    'paths': { type: 'positional', required: true, description: 'files and folders' },
    'into': { type: 'string', description: 'prefix of the source paths' },
    'max-bytes': { type: 'string', description: `a larger file is refused unread (${DEFAULT_MAX_BYTES}, or IU_MAX_FILE_BYTES)` },
    'plan': { type: 'boolean', description: 'only say what would be done' },
    'over-edits': { type: 'boolean', description: 'import over pieces that were edited, added, moved or removed here since the last import' },
    'allow-removals': { type: 'boolean', description: 'import a text that removes more than a fifth of its document' },
    'json': { type: 'boolean', description: 'one JSON document' },
  },
  async run({ args }) {
    const maxBytes = maxBytesFrom(args['max-bytes'])
    const prefix = prefixFrom(args.into)
    const { sources, problems } = await listSources(args._)
    const refused: RefusedFile[] = problems.map(({ file, code, message }) => ({ file, code, message }))
    const target = await openTarget()
    const started = performance.now()
    try {
      const over: Friction[] = [...(args['over-edits'] ? ['edits'] as const : []), ...(args['allow-removals'] ? ['removals'] as const : [])]
      const results = [...refused, ...await importAll(target.url, sources, { prefix, maxBytes, isPlan: args.plan, over })]
      const failed = results.filter(isRefused)
      if (args.json) {
        sayJson({ files: results.filter(isImported), refused: failed })
      }
      else {
        for (const { file, message, friction = [] } of failed) note(`refused ${printable(file)}: ${printable(message)}${friction.length ? ` ${wayOver(friction)}` : ''}`)
        if (args.plan) results.filter(isImported).filter(({ outcome }) => outcome !== 'unchanged').forEach(result => say(planned(result)))
        else if (results.length === 1 && isImported(results[0]!)) say(`${printable(results[0].file)} → ${results[0].address} (${results[0].outcome}), sha256 ${results[0].contentDigest}`)
        say(summary(results, (performance.now() - started) / 1000))
        if (args.plan) say('this is a plan: nothing was written')
        else if (results.length && countOf(results, 'unchanged') === results.length) say('nothing changed, nothing written')
      }
      if (failed.length) process.exitCode = failed.length === results.length ? EXIT.refused : EXIT.partly
      if (!results.length) throw new Refusal('no Markdown or text file found in what was given', EXIT.usage)
    }
    finally {
      await target.close()
    }
  },
})
