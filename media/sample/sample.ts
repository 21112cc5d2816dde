/*
A file to try FFF Explorer on. Select some lines, press F1, and run "FFF Explorer: Inspect Selection".

Where the text says <mask>, the model guesses the missing word. Select one of these, then change the words around the
mask and look again:

for (let i = 0; i < array.<mask>; i++) {

const text = <mask> response.text();

for (const item <mask> items) {

try {
  run();
} <mask> (error) {
  console.error(error);
}

class Point extends Shape {
  constructor(x, y) {
    <mask>();
    this.x = x;
  }
}
*/

export class Shape {
  constructor(readonly name: string) {}
}

export class Polygon extends Shape {
  constructor(
    name: string,
    readonly sides: number[],
  ) {
    super(name);
  }

  /** Sum of all sides. */
  perimeter(): number {
    let sum = 0;
    for (const side of this.sides) {
      sum += side;
    }
    return sum;
  }
}

export async function loadPolygons(url: string): Promise<Polygon[]> {
  try {
    const response = await fetch(url);
    return (await response.json()) as Polygon[];
  } catch (error) {
    console.error(error);
    return [];
  }
}
