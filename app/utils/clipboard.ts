/**
 * Copies a text; says whether it was. A browser offers its clipboard to pages that it trusts only, and may refuse it: then the text is
 * selected and copied as a person would, beside the button, because nothing outside of an open dialog can be selected.
 */
export async function copyText(text: string, button: HTMLElement): Promise<boolean> {
  const isCopied = await (navigator.clipboard as Clipboard | undefined)?.writeText(text).then(() => true, () => false)
  if (isCopied) return true
  const field = Object.assign(document.createElement('textarea'), { value: text, readOnly: true })
  field.style.cssText = 'position: fixed; opacity: 0'
  // A control for text would turn each line end into one kind.
  field.addEventListener('copy', (event) => {
    event.clipboardData?.setData('text/plain', text)
    event.preventDefault()
  })
  button.after(field)
  field.select()
  const isDone = document.execCommand('copy')
  field.remove()
  button.focus()
  return isDone
}
