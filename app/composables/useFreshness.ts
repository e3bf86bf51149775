/** How old the data on the page is, by the database's clock, and whether it refreshes by itself. */
export function useFreshness() {
  const asOf = useState<Record<string, string>>('as-of', () => ({}))
  const isPaused = useState('paused', () => false)
  /** a refresh is under way that nobody asked for */
  const isByItself = useState('by-itself', () => false)
  /** read models of which somebody waits for the next answer, whatever refresh it comes by */
  const wanted = useState<string[]>('wanted', () => [])
  const clock = useState('clock', () => Date.now())
  return {
    isPaused,
    isByItself,
    wanted,
    clock,
    /** the oldest answer on the page: the page is as old as that */
    oldest: computed(() => Object.values(asOf.value).reduce<string | undefined>((a, b) => a && a < b ? a : b, undefined)),
    track: (key: string, time: string) => { asOf.value = { ...asOf.value, [key]: time } },
    untrack: (key: string) => { asOf.value = Object.fromEntries(Object.entries(asOf.value).filter(([other]) => other !== key)) },
  }
}
