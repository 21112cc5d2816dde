/** Which item of a picture the pointer or the keyboard is at: the one place that turns an event into what was drawn. */
import type { Disposer } from './dom';

/**
 * Watches a picture and says which item an event is about, by the data attributes of the item or of what it stands in.
 *
 * A click counts where press and release met the same item: the picture may be painted anew in between, and an element
 * then stands for something else than what was pressed. Clicks by keyboard have no press.
 *
 * @param root element that stays, whatever is painted inside it.
 * @param selector matches the elements that are items.
 * @param names of the data attributes that identify an item, without `data-`.
 * @returns the attributes' values; null where the event is about no item.
 */
export function itemsIn<Name extends string>(
  root: Element,
  disposer: Disposer,
  selector: string,
  ...names: Name[]
): (event: Event) => Record<Name, string> | null {
  /** Key of the item under the last press; '' for none of them, null before any press. */
  let pressed: string | null = null;

  const valuesAt = (event: Event): string[] | null => {
    const item = event.target instanceof Element ? event.target.closest(selector) : null;
    const values = names.flatMap((name) => {
      const bearer = item?.closest(`[data-${name}]`) ?? null;
      return root.contains(bearer) ? (bearer?.getAttribute(`data-${name}`) ?? []) : [];
    });
    return values.length === names.length ? values : null;
  };
  const keyOf = (values: string[] | null): string => (values === null ? '' : JSON.stringify(values));

  disposer.listen(root, 'pointerdown', (event) => {
    pressed = keyOf(valuesAt(event));
  });
  return (event) => {
    const values = valuesAt(event);
    const byPointer = event instanceof MouseEvent && event.detail > 0;
    if (values === null || (byPointer && pressed !== null && pressed !== keyOf(values))) {
      return null;
    }
    return Object.fromEntries(names.map((name, at) => [name, values[at]])) as Record<Name, string>;
  };
}
