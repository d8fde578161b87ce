//! A plot as SVG: points with names, both axes logarithmic.
//!
//! It has its own background, light or dark as the reader's system is, since a page does not say
//! whether it is. Names do not overlap: each goes to the free place that is nearest to its point, with
//! a line to it where that is not beside it.

use std::fmt::Write as _;

use crate::statistics::decimal;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 560.0;
/// Where the axes are.
const LEFT: f64 = 80.0;
const RIGHT: f64 = WIDTH - 30.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = HEIGHT - 60.0;
/// Of names: height, and a width for each letter that is above the average of a sans-serif font, of a
/// bold one for names of ours.
const TEXT_HEIGHT: f64 = 14.0;
const LETTER_WIDTH: f64 = 6.7;
const BOLD_LETTER_WIDTH: f64 = 7.6;
const RADIUS: f64 = 5.0;

const STYLE: &str = "\
text { font: 12px sans-serif; fill: #24292f } .title { font-size: 15px; font-weight: bold }
.paper { fill: #ffffff } .grid { stroke: #d8dee4 } .leader { stroke: #8c959f }
.own { fill: #cf222e; stroke: #cf222e } .peer { fill: #0969da; stroke: #0969da }
.way { fill: none; stroke: #cf222e; stroke-dasharray: 3 3 } .name.own { stroke: none; font-weight: bold }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .paper { fill: #0d1117 } .grid { stroke: #30363d } .leader { stroke: #7d8590 }
.own { fill: #ff7b72; stroke: #ff7b72 } .peer { fill: #58a6ff; stroke: #58a6ff } .way { stroke: #ff7b72 } }";

/// One point.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) name: String,
    /// Both above zero.
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// A line goes on to here.
    pub(crate) x_with: Option<f64>,
    /// One of ours: another colour, and a line from one to the next.
    pub(crate) is_own: bool,
}

/// What a plot says besides its points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Titles<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
}

/// A rectangle on the paper; x and y are its upper left corner.
#[derive(Debug, Clone, Copy)]
struct Rectangle {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Rectangle {
    fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    fn is_inside(&self) -> bool {
        self.x >= LEFT
            && self.x + self.width <= RIGHT
            && self.y >= TOP
            && self.y + self.height <= BOTTOM
    }

    fn around(x: f64, y: f64, reach: f64) -> Self {
        Self { x: x - reach, y: y - reach, width: 2.0 * reach, height: 2.0 * reach }
    }

    /// Its place that is nearest to a point.
    fn nearest(&self, x: f64, y: f64) -> (f64, f64) {
        (x.clamp(self.x, self.x + self.width), y.clamp(self.y, self.y + self.height))
    }
}

/// A logarithmic axis from the places of two values.
#[derive(Debug, Clone, Copy)]
struct Axis {
    least: f64,
    most: f64,
    start: f64,
    end: f64,
}

impl Axis {
    /// Has room for all of `values` and a little more.
    fn over(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        let (least, most) = if least.is_finite() { (least, most) } else { (1.0, 1.0) };
        let margin = (most / least).powf(0.08).max(1.3);
        Self { least: least / margin, most: most * margin, start, end }
    }

    fn place(&self, value: f64) -> f64 {
        let part = (value / self.least).ln() / (self.most / self.least).ln();
        self.start + part * (self.end - self.start)
    }

    /// Round values on it: 1, 2 and 5 of each power of ten.
    fn ticks(&self) -> Vec<(f64, String)> {
        let powers = (-4..8).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| (digit, power)));
        let ticks = powers.map(|(digit, power)| {
            let digits = usize::try_from(-power).unwrap_or(0);
            let value = digit * 10.0_f64.powi(power);
            (value, decimal(Some(value), digits))
        });
        ticks.filter(|(value, _)| (self.least..=self.most).contains(value)).collect()
    }
}

/// Draws a plot.
pub(crate) fn svg(titles: Titles, points: &[Point]) -> String {
    let xs = points.iter().flat_map(|point| [point.x, point.x_with.unwrap_or(point.x)]);
    let x_axis = Axis::over(xs, LEFT, RIGHT);
    let y_axis = Axis::over(points.iter().map(|point| point.y), BOTTOM, TOP);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <style>\n{STYLE}\n</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n"
    );
    axes(&mut text, titles, x_axis, y_axis);
    marks(&mut text, points, x_axis, y_axis);
    names(&mut text, points, x_axis, y_axis);
    text + "</svg>\n"
}

fn axes(text: &mut String, titles: Titles, x_axis: Axis, y_axis: Axis) {
    let mut put = |line: String| writeln!(text, "{line}").expect(TAKES_ALL);
    for (value, label) in x_axis.ticks() {
        let x = x_axis.place(value);
        put(line("grid", (x, TOP), (x, BOTTOM)));
        put(words("", (x, BOTTOM + 18.0), "middle", &label));
    }
    for (value, label) in y_axis.ticks() {
        let y = y_axis.place(value);
        put(line("grid", (LEFT, y), (RIGHT, y)));
        put(words("", (LEFT - 8.0, y + 4.0), "end", &label));
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    put(words("title", (LEFT, 28.0), "start", titles.title));
    put(words("", (middle, HEIGHT - 16.0), "middle", titles.x));
    let y = f64::midpoint(TOP, BOTTOM);
    let turned = format!(
        "<text text-anchor=\"middle\" transform=\"translate(20 {y}) rotate(-90)\">{}</text>",
        escaped(titles.y)
    );
    put(turned);
}

fn marks(text: &mut String, points: &[Point], x_axis: Axis, y_axis: Axis) {
    let mut put = |line: String| writeln!(text, "{line}").expect(TAKES_ALL);
    let own = points.iter().filter(|point| point.is_own);
    let way: Vec<String> = own
        .map(|point| format!("{:.1},{:.1}", x_axis.place(point.x), y_axis.place(point.y)))
        .collect();
    put(format!("<polyline class=\"way\" points=\"{}\"/>", way.join(" ")));
    for point in points {
        let (x, y, class) = (x_axis.place(point.x), y_axis.place(point.y), class(point));
        if let Some(with) = point.x_with {
            let end = x_axis.place(with);
            put(line(class, (x, y), (end, y)));
            put(line(class, (end, y - RADIUS), (end, y + RADIUS)));
        }
        put(format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{RADIUS}\"/>"));
    }
}

fn names(text: &mut String, points: &[Point], x_axis: Axis, y_axis: Axis) {
    let mut put = |line: String| writeln!(text, "{line}").expect(TAKES_ALL);
    let places: Vec<(f64, f64)> =
        points.iter().map(|point| (x_axis.place(point.x), y_axis.place(point.y))).collect();
    let mut taken: Vec<Rectangle> =
        places.iter().map(|(x, y)| Rectangle::around(*x, *y, RADIUS + 1.0)).collect();
    taken.extend(points.iter().zip(&places).filter_map(|(point, (x, y))| {
        let end = x_axis.place(point.x_with?);
        let (start, width) = (x.min(end) - 2.0, (end - x).abs() + 4.0);
        Some(Rectangle { x: start, y: y - RADIUS, width, height: 2.0 * RADIUS })
    }));
    let own = points.iter().zip(&places).filter(|(point, _)| point.is_own);
    let own: Vec<(f64, f64)> = own.map(|(_, place)| *place).collect();
    taken.extend(own.windows(2).flat_map(|ends| along(ends[0], ends[1])));
    for (point, (x, y)) in points.iter().zip(&places) {
        let place = free_place((*x, *y), point, &taken);
        let (near_x, near_y) = place.nearest(*x, *y);
        if (near_x - x).hypot(near_y - y) > 2.0 * RADIUS + 2.0 {
            put(line("leader", (*x, *y), (near_x, near_y)));
        }
        let class = format!("name {}", if point.is_own { "own" } else { "" });
        put(words(&class, (place.x, place.y + 11.0), "start", &point.name));
        taken.push(place);
    }
}

/// Small rectangles from one point to another, which nothing passes between.
fn along((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> impl Iterator<Item = Rectangle> {
    const STEPS: u32 = 100;
    (0..=STEPS).map(move |step| {
        let part = f64::from(step) / f64::from(STEPS);
        Rectangle::around(x1 + part * (x2 - x1), y1 + part * (y2 - y1), 2.0)
    })
}

/// A place for the name of `point`, at (x, y), that nothing has taken, as near as there is one.
fn free_place((x, y): (f64, f64), point: &Point, taken: &[Rectangle]) -> Rectangle {
    let letters = u32::try_from(point.name.chars().count()).unwrap_or(u32::MAX);
    let letter_width = if point.is_own { BOLD_LETTER_WIDTH } else { LETTER_WIDTH };
    let (width, height) = (letter_width * f64::from(letters), TEXT_HEIGHT);
    let beside = |distance: f64, angle: f64| {
        // From the point outwards: the box's near edge, not its corner, is at the distance.
        let (sine, cosine) = angle.sin_cos();
        let center_x = x + cosine * (distance + width / 2.0);
        let center_y = y + sine * (distance + height / 2.0);
        Rectangle { x: center_x - width / 2.0, y: center_y - height / 2.0, width, height }
    };
    let mut candidates = (0..40_u32).flat_map(|ring| {
        (0..16_u32).map(move |step| (9.0 + 6.0 * f64::from(ring), f64::from(step) / 16.0))
    });
    let is_free =
        |place: &Rectangle| place.is_inside() && !taken.iter().any(|other| place.overlaps(other));
    candidates
        .find_map(|(distance, turn)| {
            Some(beside(distance, turn * std::f64::consts::TAU)).filter(is_free)
        })
        .unwrap_or_else(|| beside(9.0, 0.0))
}

const TAKES_ALL: &str = "BUG: a String takes everything";

fn class(point: &Point) -> &'static str {
    if point.is_own { "own" } else { "peer" }
}

fn line(class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>")
}

fn words(class: &str, (x, y): (f64, f64), anchor: &str, words: &str) -> String {
    let words = escaped(words);
    format!(
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
