/** For what a process does again and again: a fault is told when it begins, not each time that it is met. */
export function useStandstill(what: string): { met: (error: Error) => void, over: () => void } {
  let isBroken = false
  return {
    met(error) {
      if (!isBroken) console.error(`${what}:`, error.message)
      isBroken = true
    },
    over: () => { isBroken = false },
  }
}
