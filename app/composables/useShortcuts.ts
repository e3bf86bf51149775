export interface ShortcutActions {
  refresh: () => void
  theme: () => void
  help: () => void
}

const places = new Map(PLACES.flatMap(({ places }) => places.map(({ key, to }) => [key, to])))
/** How long `g` waits for its letter. */
const SEQUENCE = 1_200

/** Single keys, never while typing or in a dialog, never with a modifier that belongs to the browser. */
export function useShortcuts(actions: ShortcutActions) {
  const isSearchWanted = useState('search-wanted', () => false)
  let pendingGo = 0
  function onKey(event: KeyboardEvent) {
    const target = event.target as HTMLElement
    if (isComposing(event) || event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select, [contenteditable], [role=dialog]')) return
    const place = Date.now() - pendingGo < SEQUENCE ? places.get(event.key) : undefined
    pendingGo = 0
    if (place) navigateTo(place)
    else if (event.key === 'g') pendingGo = Date.now()
    else if (event.key === 'r') actions.refresh()
    else if (event.key === 't') actions.theme()
    else if (event.key === '?') actions.help()
    else if (event.key === 'j' || event.key === 'k') step(event.key === 'j' ? 1 : -1)
    else if (event.key === '/') isSearchWanted.value = !search()
    else return
    event.preventDefault()
  }
  onMounted(() => window.addEventListener('keydown', onKey))
  onBeforeUnmount(() => window.removeEventListener('keydown', onKey))
}

/** To the next row of the page's list; Enter then opens it. */
function step(by: number) {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')]
  const at = rows.findIndex(row => row.contains(document.activeElement))
  rows[Math.min(rows.length - 1, Math.max(0, at + by))]?.querySelector<HTMLElement>('a, button')?.focus()
}

/** To the page's search field. Where it has none one is led to that of the collections, which takes the focus once it is there. */
function search(): boolean {
  const field = document.querySelector<HTMLInputElement>('[data-search]')
  if (!field) void navigateTo('/collections')
  field?.focus()
  field?.select()
  return field !== null
}
