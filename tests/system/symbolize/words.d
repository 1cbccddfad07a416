// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The D program of symbolize_differential.sh.
import std.algorithm, std.array, std.conv, std.stdio, std.string, std.uni : toLower;

interface Shape { double area() const; }
class Square(T) : Shape {
    T side;
    this(T side) { this.side = side; }
    double area() const { return cast(double) side * side; }
}
struct Counter {
    int[string] counts;
    void add(string word) { counts[word.toLower]++; }
    auto sorted() { return counts.byKeyValue.array.sort!((a, b) => a.value > b.value); }
}

double total(Shape[] shapes) { return shapes.map!(s => s.area).sum; }

void main(string[] args)
{
    Counter counter;
    foreach (word; args.join(" ").split)
        counter.add(word);
    foreach (pair; counter.sorted)
        writeln(pair.key, " ", pair.value.to!string);
    Shape[] shapes = [cast(Shape) new Square!int(2), cast(Shape) new Square!double(3.5)];
    writeln(total(shapes));
}
