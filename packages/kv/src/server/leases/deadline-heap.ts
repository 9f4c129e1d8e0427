/** What a heap of deadlines holds. Both fields belong to the heap while the item is in it. */
export interface Deadline {
  /** Decides between equal deadlines, so that the order is the same in every run. */
  readonly id: number;
  dueAt: number;
  /** Where it stands in the heap. */
  place: number;
}

/** The item with the earliest deadline first. Everything but looking takes O(log n). */
export class DeadlineHeap<Item extends Deadline> {
  readonly #items: Item[] = [];

  get first(): Item | undefined {
    return this.#items[0];
  }

  add(item: Item): void {
    item.place = this.#items.length;
    this.#items.push(item);
    this.#rise(item);
  }

  remove(item: Item): void {
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#set(item.place, last);
    this.#rise(last);
    this.#sink(last);
  }

  /** The item gets a later deadline. */
  postpone(item: Item, dueAt: number): void {
    item.dueAt = dueAt;
    this.#sink(item);
  }

  clear(): void {
    this.#items.length = 0;
  }

  #rise(item: Item): void {
    let { place } = item;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#items[above] as Item;
      if (!isEarlier(item, parent)) break;
      this.#set(place, parent);
      place = above;
    }
    this.#set(place, item);
  }

  #sink(item: Item): void {
    let { place } = item;
    for (;;) {
      const child = this.#earlierChild(place);
      if (child === undefined || !isEarlier(child, item)) break;
      const below = child.place;
      this.#set(place, child);
      place = below;
    }
    this.#set(place, item);
  }

  #earlierChild(place: number): Item | undefined {
    const left = this.#items[2 * place + 1];
    const right = this.#items[2 * place + 2];
    if (left === undefined || right === undefined) return left;
    return isEarlier(right, left) ? right : left;
  }

  #set(place: number, item: Item): void {
    this.#items[place] = item;
    item.place = place;
  }
}

function isEarlier(a: Deadline, b: Deadline): boolean {
  return a.dueAt === b.dueAt ? a.id < b.id : a.dueAt < b.dueAt;
}
