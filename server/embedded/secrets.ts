import { randomBytes } from 'node:crypto'
import { chown, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, EmbeddedError } from './errors.ts'
import { withLock } from './lock.ts'

const FILE = 'secrets.json'

/** The secret `name` kept in `<directory>/secrets.json`, or undefined when it was never made. */
export async function readSecret(directory: string, name: string): Promise<string | undefined> {
  return (await readAll(directory))[name]
}

/**
 * The secret `name` of `<directory>/secrets.json`, made on first use: by default 24 random bytes in base64url.
 * Processes that ask at the same time get the same secret. The file is readable by its owner alone.
 */
export async function ensureSecret(
  directory: string,
  name: string,
  make: () => string = () => randomBytes(24).toString('base64url'),
): Promise<string> {
  const known = await readSecret(directory, name)
  if (known !== undefined) return known
  return withLock(join(directory, 'secrets.lock'), async () => {
    const secrets = await readAll(directory)
    const secret = secrets[name] ?? make()
    if (secrets[name] === undefined) await writeAll(directory, { ...secrets, [name]: secret })
    return secret
  })
}

async function readAll(directory: string): Promise<Record<string, string>> {
  const path = join(directory, FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  }
  catch (error) {
    if (codeOf(error) === 'ENOENT') return {}
    throw new EmbeddedError(`${path} cannot be read (${codeOf(error)}): run as the user it belongs to`)
  }
  try {
    return JSON.parse(text) as Record<string, string>
  }
  catch {
    // The parser's own message quotes the text: it must not travel.
    throw new EmbeddedError(`${path} is not JSON: restore it from a copy`)
  }
}

async function writeAll(directory: string, secrets: Record<string, string>): Promise<void> {
  const path = join(directory, FILE)
  const draft = `${path}.new`
  // A draft left by a killed process is nobody's: the caller holds the lock.
  await rm(draft, { force: true })
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(secrets, null, 2)}\n`)
    await file.sync()
  }
  finally {
    await file.close()
  }
  // Root writing into a person's folder must not lock that person out.
  if (process.getuid?.() === 0) {
    const { uid, gid } = await stat(directory)
    await chown(draft, uid, gid)
  }
  await rename(draft, path)
}
