import { execFile } from 'node:child_process'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** What the ways to a browser need of the machine; a spec puts its faults here. */
export interface Machine {
  platform: NodeJS.Platform
  arch: string
  isRoot: boolean
  /** the folders of programs */
  path: string[]
  /** the folder of what is fetched */
  cache: string
  /** Runs a program to its end; what it said. @throws {Error} that tells what it complained of. */
  run: (program: string, args: string[], options?: { cwd?: string, env?: NodeJS.ProcessEnv }) => Promise<string>
}

export const thisMachine = (): Machine => ({
  platform: process.platform,
  arch: process.arch,
  isRoot: process.getuid?.() === 0,
  path: (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== ''),
  cache: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'iu-core'),
  run: async (program, args, { cwd, env } = {}) => {
    const { stdout } = await promisify(execFile)(program, args, { cwd, env: { ...process.env, ...env } }).catch((error: Error & { stderr?: string, signal?: string | null, code?: number | string }) => {
      const said = error.stderr?.trim().split('\n').slice(0, 3).join(' ') || (error.signal ? `ended by ${error.signal}` : typeof error.code === 'number' ? `ended with status ${error.code}` : error.message)
      throw new Error(`${program}: ${said}`, { cause: error })
    })
    return stdout
  },
})
