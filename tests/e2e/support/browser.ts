import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from '@playwright/test'
import { packagedChromium } from './packaged-chromium.ts'

const run = promisify(execFile)
const SYSTEM = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const START_MS = 30_000

type Tell = (message: string) => void
/** A way to a browser: its path, or nothing where this machine does not offer the way. */
type Way = (tell: Tell) => Promise<string | undefined> | string | undefined

const onPath = (): string | undefined => (process.env.PATH ?? '').split(delimiter)
  .flatMap(folder => SYSTEM.map(name => join(folder, name))).find(path => existsSync(path))

/** Where Playwright keeps its own; it throws on a platform for which there is none. */
function ofPlaywright(): string | undefined {
  try {
    return chromium.executablePath()
  }
  catch {
    return undefined
  }
}

async function fromDebian(tell: Tell): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  tell('installing Debian\'s chromium')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update', '-qq'], { env })
  await run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', 'chromium'], { env })
  return onPath()
}

async function fromPlaywright(tell: Tell): Promise<string | undefined> {
  tell('installing Playwright\'s Chromium')
  await run(process.execPath, [join(import.meta.dirname, '../../../node_modules/@playwright/test/cli.js'), 'install', 'chromium'])
  return ofPlaywright()
}

/**
 * A headless shell draws no browser around the page and takes two thirds of the time, so the packaged one comes first. Then what
 * is there before what must be fetched.
 */
const WAYS: Way[] = [packagedChromium, ofPlaywright, onPath, fromDebian, fromPlaywright]

const saysItsVersion = (path: string): Promise<boolean> => run(path, ['--version'], { timeout: START_MS }).then(() => true, () => false)

/**
 * The path of a Chromium that starts: IU_CHROMIUM, else one that is installed, else one that is fetched.
 * @throws {Error} that says what was tried.
 */
export async function findBrowser(tell: Tell): Promise<string> {
  const given = process.env.IU_CHROMIUM
  if (given) {
    if (await saysItsVersion(given)) return given
    throw new Error(`IU_CHROMIUM: ${given} does not start`)
  }
  const failures: string[] = []
  for (const way of WAYS) {
    try {
      const path = await way(tell)
      if (path && existsSync(path)) {
        if (await saysItsVersion(path)) return path
        failures.push(`${path} does not start`)
      }
    }
    catch (error) {
      failures.push((error as Error).message.split('\n', 3).join(': '))
    }
  }
  throw new Error(['no Chromium for the tests: install one, or name one in IU_CHROMIUM', ...failures].join('\n  '))
}
