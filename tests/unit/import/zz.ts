import fc from 'fast-check'
import { markdownBlocks } from '../../../server/import/markdown.ts'
import { nastyText } from './samples.ts'
const until = Date.now() + 90_000; let n = 0, bad = 0
while (Date.now() < until) for (const text of fc.sample(nastyText, 100)) { n++; const b = Buffer.from(text); const a = JSON.stringify(markdownBlocks(b)); for (const w of [1, 64, 200]) if (JSON.stringify(markdownBlocks(b, w)) !== a) { bad++; if (bad < 4) console.log(w, JSON.stringify(text)) } }
console.log({ n, bad })
