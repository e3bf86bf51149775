import type { AttemptStatus } from '~~/shared/read-models/attempts'

/** A collection's page; its address keeps its slashes. */
export function collectionPath(address: string): string {
  return `/collections/${address.split('/').map(encodeURIComponent).join('/')}`
}

/** What is found when a collection is counted anew. */
export const healthPath = (address: string) => ({ path: collectionPath(address), query: { tab: 'health' } })

export function downloadPath(address: string): string {
  return `/api/collections/render?address=${encodeURIComponent(address)}`
}

export function attemptsPath(query: { route?: string, status?: AttemptStatus, type?: string }) {
  return { path: '/attempts', query, hash: '#attempts' }
}

/** A dead letter by its number, whatever became of it. */
export function letterPath(id: number) {
  return { path: '/dead-letters', query: { letter: String(id) }, hash: '#letter' }
}

/** An object's rows in the ledger, by its class and name. */
export function ledgerPath(object: string) {
  return { path: '/ledger', query: { object } }
}
