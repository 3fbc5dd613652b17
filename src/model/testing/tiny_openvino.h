// A small model in OpenVINO's own format, for tests: y = max(x, 0) for FP32[?,3].
#pragma once

#include <string>

namespace leat::tiny_openvino {

inline std::string relu() {
  const std::string shape = "<dim>-1</dim><dim>3</dim></port>";
  const std::string input = "<input><port id=\"0\" precision=\"FP32\">" + shape + "</input>";
  auto layer = [](const std::string& id, const std::string& type, const std::string& inside) {
    return "<layer id=\"" + id + "\" name=\"layer" + id + "\" type=\"" + type +
           "\" version=\"opset1\">" + inside + "</layer>\n";
  };
  auto output = [&](const std::string& id, const std::string& name) {
    return "<output><port id=\"" + id + "\" precision=\"FP32\" names=\"" + name + "\">" + shape +
           "</output>";
  };
  return "<?xml version=\"1.0\"?>\n<net name=\"tiny\" version=\"11\"><layers>\n" +
         layer("0", "Parameter", "<data shape=\"?,3\" element_type=\"f32\"/>" + output("0", "x")) +
         layer("1", "ReLU", input + output("1", "y")) + layer("2", "Result", input) +
         "</layers><edges>\n"
         "<edge from-layer=\"0\" from-port=\"0\" to-layer=\"1\" to-port=\"0\"/>\n"
         "<edge from-layer=\"1\" from-port=\"1\" to-layer=\"2\" to-port=\"0\"/>\n"
         "</edges></net>\n";
}

}  // namespace leat::tiny_openvino
