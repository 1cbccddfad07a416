// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The Rust program of symbolize_differential.sh.
use std::collections::{BTreeMap, HashMap};

trait Shape {
    fn area(&self) -> f64;
    fn name(&self) -> String {
        String::from("shape")
    }
}

struct Square<T>(T);
struct Ring {
    r: f64,
}

impl<T: Copy + Into<f64>> Shape for Square<T> {
    fn area(&self) -> f64 {
        let side: f64 = self.0.into();
        side * side
    }
}

impl Shape for Ring {
    fn area(&self) -> f64 {
        std::f64::consts::PI * self.r * self.r
    }
    fn name(&self) -> String {
        format!("ring {}", self.r)
    }
}

fn count(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()).or_insert(0) += 1;
    }
    counts
}

fn main() {
    let text = std::env::args().nth(1).unwrap_or_else(|| "some words and some more".into());
    let counts = count(&text);
    let sorted: BTreeMap<_, _> = counts.iter().map(|(word, n)| ((usize::MAX - n, word), n)).collect();
    for ((_, word), n) in &sorted {
        println!("{word} {n}");
    }
    let shapes: Vec<Box<dyn Shape>> =
        vec![Box::new(Square(2.0f32)), Box::new(Square(3i32)), Box::new(Ring { r: text.len() as f64 })];
    let total: f64 = shapes.iter().filter(|s| s.name().len() > 4).map(|s| s.area()).sum();
    println!("{total}");
}
