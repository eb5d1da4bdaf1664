"""A picture as an SVG that stands alone."""

from xml.etree import ElementTree as Xml

from cutaway.drawing.shapes import Line, Picture, Rect, Shape, Text, printable

__all__ = ["svg"]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_DASHES = {"stroke-dasharray": "3 3"}


def svg(picture: Picture) -> str:
    """The whole document."""
    width, height = f"{picture.width:g}", f"{picture.height:g}"
    fields = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {width} {height}",
        "width": width,
        "height": height,
        "role": "img",
        "aria-label": printable(picture.title),
        "font-family": _FONT,
    }
    root = Xml.Element("svg", fields)
    Xml.SubElement(root, "rect", {"width": width, "height": height, "fill": "#ffffff"})
    for shape in picture.shapes:
        _add(root, shape)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode") + "\n"


def _add(root: Xml.Element, shape: Shape) -> None:
    match shape:
        case Rect(x=x, y=y, width=width, height=height):
            fields = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:g}", "height": f"{height:g}"}
            fields |= _painted(shape) | ({"rx": f"{shape.radius:g}"} if shape.radius else {})
            Xml.SubElement(root, "rect", fields)
        case Line(points=points):
            joined = " ".join(f"{round(x, 2):g},{round(y, 2):g}" for x, y in points)
            fields = {"points": joined} | _painted(shape)
            if shape.stroke != "none":
                fields |= {"stroke-width": f"{shape.width:g}", "stroke-linejoin": "round"}
            if shape.opacity < 1:
                fields["opacity"] = f"{shape.opacity:g}"
            Xml.SubElement(root, "polyline", fields)
        case Text(x=x, y=y, text=text):
            fields = {"x": f"{x:g}", "y": f"{y:g}", "fill": shape.fill}
            fields |= {"font-size": str(shape.size), "text-anchor": shape.anchor}
            fields["font-weight"] = "600" if shape.bold else "400"
            Xml.SubElement(root, "text", fields).text = printable(text)


def _painted(shape: Rect | Line) -> dict[str, str]:
    stroke = {"stroke": shape.stroke} if shape.stroke != "none" else {}
    return {"fill": shape.fill} | stroke | (_DASHES if shape.dashed else {})
