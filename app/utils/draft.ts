import { parseExactly } from '~~/shared/exact-json'
import type { Asked } from '~/composables/useCommandDialog'
import type { Values } from './command-form'

export interface Typed {
  values: Values
  reason: string
}
/** What is typed into a command's window. The browser keeps it for its tab, so that a reload does not lose it. */
export interface Draft {
  /** nobody else is shown it */
  account: string
  asked: Asked
  typed: Typed
}

const KEY = 'iu-draft'

/** @returns whether the browser took it: it may have no room, or keep nothing for anybody. */
export function keepDraft(draft: Draft): boolean {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft))
    return true
  }
  catch (error) {
    if (!(error instanceof DOMException)) throw error
    return false
  }
}

export function readDraft(account: string): Draft | undefined {
  try {
    const draft = parseExactly(sessionStorage.getItem(KEY) ?? 'null') as Draft | null
    return draft?.account === account ? draft : undefined
  }
  catch (error) {
    if (!(error instanceof DOMException)) throw error
  }
}

export function forgetDraft(): void {
  try {
    sessionStorage.removeItem(KEY)
  }
  catch (error) {
    if (!(error instanceof DOMException)) throw error
  }
}
